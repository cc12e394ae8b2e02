"""release.py RELEASE: loads a release with pycocotools, shapely and prov; fails unless they agree with each other."""
import json
import pathlib
import sys

from prov.model import ProvAgent, ProvDocument, ProvEntity
from pycocotools.coco import COCO
from shapely.geometry import shape

folder = pathlib.Path(sys.argv[1])
coco = COCO(str(folder / "annotations" / "coco.json"))
features = {}
for path in sorted((folder / "annotations" / "geojson").glob("*.geojson")):
    for feature in json.loads(path.read_text(encoding="utf-8"))["features"]:
        outline = shape(feature["geometry"])
        assert outline.is_valid, path
        features[feature["properties"]["metadata"]["geometry"]] = outline

masks = polygons = 0
for annotation in coco.anns.values():
    outline = features[annotation["shoken"]["geometry"]]
    assert abs(outline.area - annotation["area"]) <= 1e-6 * max(outline.area, 1), "area of shapely and COCO"
    x, y, w, h = annotation["bbox"]
    assert max(abs(a - b) for a, b in zip(outline.bounds, (x, y, x + w, y + h))) < 1e-6, "bounding box"
    image = coco.imgs[annotation["image_id"]]
    mask = coco.annToMask(annotation)
    assert mask.shape == (image["height"], image["width"])
    # Pixel centres against the exact outline: at most the pixels that the boundary crosses.
    assert abs(int(mask.sum()) - outline.area) <= 1.5 * outline.length + 4, "area of pycocotools"
    masks += isinstance(annotation["segmentation"], dict)
    polygons += isinstance(annotation["segmentation"], list)

document = ProvDocument.deserialize(str(folder / "provenance" / "prov.json"))
entities = {str(record.identifier) for record in document.get_records(ProvEntity)}
agents = {str(record.identifier) for record in document.get_records(ProvAgent)}
labels = {annotation["shoken"]["label"] for annotation in coco.anns.values()}
assert all(f"shoken:label/{label}" in entities for label in labels), "a label without provenance"
print(json.dumps({"images": len(coco.imgs), "annotations": len(coco.anns), "masks": masks, "polygons": polygons,
                  "features": len(features), "labels": len(labels), "agents": len(agents),
                  "area": sum(a["area"] for a in coco.anns.values())}))
