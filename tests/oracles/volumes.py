"""Planes through volumes as SimpleITK resamples them.

Reads jobs as JSON on standard input, writes one raw file a job (float32, rows then columns, NaN where nothing was measured)
into the folder named by the first argument. A job names either a raw volume of evenly spaced voxels, which SimpleITK
resamples in three dimensions, or the DICOM files of a series (read by pydicom): each slice is then resampled in its own
plane by SimpleITK, and the two slices around a point are joined by their distances, so that tilt and uneven steps count.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk

NOTHING = -1e30


def points(plane, offset):
    right, down = np.array(plane["right"]), np.array(plane["down"])
    return np.array(plane["origin_mm"]) + np.cross(right, down) * offset, right, down


def box(job):
    """An evenly spaced volume, resampled in 3-D."""
    nx, ny, nz = job["size"]
    values = np.fromfile(job["raw"], "<i2").reshape(nz, ny, nx).astype(np.float32)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(job["spacing"])
    image.SetOrigin(job["origin"])
    image.SetDirection(np.array(job["axes"]).T.ravel().tolist())

    def sample(plane, offset):
        origin, right, down = points(plane, offset)
        w, h = plane["size"]
        grid = sitk.Image(w, h, 1, sitk.sitkFloat32)
        grid.SetOrigin(origin.tolist())
        grid.SetSpacing([*plane["spacing_mm"], 1.0])
        grid.SetDirection(np.stack([right, down, np.cross(right, down)], axis=1).ravel().tolist())
        out = sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear, NOTHING)
        return sitk.GetArrayFromImage(out)[0]

    return sample


def series(job):
    """Slices where their headers say, each resampled in its own plane."""
    slices = []
    for path in job["files"]:
        ds = pydicom.dcmread(path)
        iop = np.array([float(v) for v in ds.ImageOrientationPatient])
        row, col = iop[:3], iop[3:]
        value = ds.pixel_array * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0))
        ipp = np.array([float(v) for v in ds.ImagePositionPatient])
        slices.append((row, col, np.cross(row, col), ipp, [float(v) for v in ds.PixelSpacing], value))
    slices.sort(key=lambda s: s[3] @ s[2])
    row, col, normal = slices[0][:3]
    at = np.array([s[3] @ normal for s in slices])

    def sample(plane, offset):
        origin, right, down = points(plane, offset)
        w, h = plane["size"]
        sx, sy = plane["spacing_mm"]
        along = np.linalg.inv(np.stack([row, col, normal], axis=1))
        j, i = np.mgrid[0:h, 0:w]
        d = (origin @ normal) + i * sx * (right @ normal) + j * sy * (down @ normal)
        k = np.clip(np.searchsorted(at, d, side="right") - 1, 0, len(at) - 2)
        t = np.clip((d - at[k]) / (at[k + 1] - at[k]), 0, 1)
        low, high = at[0] - (at[1] - at[0]) / 2, at[-1] + (at[-1] - at[-2]) / 2
        out = np.full((h, w), np.nan, np.float64)
        cut = {}
        for n in np.unique(np.concatenate([k.ravel(), k.ravel() + 1])):
            _, _, _, ipp, (dy, dx), value = slices[n]
            image = sitk.GetImageFromArray(value.astype(np.float32))
            start, per_x, per_y = (along @ (origin - ipp))[:2], (along @ (right * sx))[:2], (along @ (down * sy))[:2]
            to_px = np.diag([1 / dx, 1 / dy])
            matrix = to_px @ np.stack([per_x, per_y], axis=1)
            transform = sitk.AffineTransform(matrix.ravel().tolist(), (to_px @ start).tolist())
            grid = sitk.Image(w, h, sitk.sitkFloat32)
            cut[n] = sitk.GetArrayFromImage(sitk.Resample(image, grid, transform, sitk.sitkLinear, NOTHING))
        for n in np.unique(k):
            here = (k == n) & (d >= low) & (d <= high)
            a, b, share = cut[n].astype(np.float64), cut[n + 1].astype(np.float64), t
            joined = np.where(share <= 1e-4, a, np.where(share >= 1 - 1e-4, b, a + (b - a) * share))
            used_a, used_b = share < 1 - 1e-4, share > 1e-4
            none = (used_a & (a <= NOTHING / 2)) | (used_b & (b <= NOTHING / 2))
            out[here] = np.where(none, np.nan, joined)[here]
        return out

    return sample


def run(job):
    sample = box(job) if "raw" in job else series(job)
    planes = np.stack([sample(job["plane"], o) for o in job.get("offsets_mm", [0.0])])
    planes = np.where(planes <= NOTHING / 2, np.nan, planes)
    how = job.get("slab", "thin")
    if how == "thin":
        return planes[0]
    return {"highest": np.nanmax, "lowest": np.nanmin, "mean": np.nanmean}[how](planes, axis=0)


def main():
    folder = Path(sys.argv[1])
    for n, job in enumerate(json.load(sys.stdin)):
        with np.errstate(all="ignore"):
            run(job).astype("<f4").tofile(folder / f"{n}.raw")


if __name__ == "__main__":
    main()
