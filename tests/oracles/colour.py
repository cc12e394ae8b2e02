"""Colours as independent programs give them: LittleCMS through Pillow for profiles, NumPy for stains.

Reads one job as JSON on standard input: `profile` (base64; absent for stains), `monitor` (base64 or null), `colours`
(rows of 8-bit red, green, blue). Prints the shown colours as JSON, rows of floats from 0 to 255.
"""

import base64
import io
import json
import sys

import numpy as np
from PIL import Image, ImageCms


def through_profile(job):
    image = ImageCms.ImageCmsProfile(io.BytesIO(base64.b64decode(job["profile"])))
    if job["monitor"]:
        screen = ImageCms.ImageCmsProfile(io.BytesIO(base64.b64decode(job["monitor"])))
    else:
        screen = ImageCms.createProfile("sRGB")
    intent = ImageCms.getDefaultIntent(image)
    way = ImageCms.buildTransform(image, screen, "RGB", "RGB", renderingIntent=intent, flags=ImageCms.Flags.NONE)
    rows = np.array(job["colours"], np.uint8)
    picture = Image.fromarray(rows.reshape(1, -1, 3), "RGB")
    return np.asarray(ImageCms.applyTransform(picture, way)).reshape(-1, 3).astype(float)


def stain_alone(job):
    """Ruifrok and Johnston 2001, with the inverse from LAPACK."""
    vectors = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rgb = np.maximum(np.array(job["colours"], float) / 255, 1 / 255)
    amounts = np.maximum(-np.log10(rgb) @ np.linalg.inv(vectors), 0)
    index = job["stain"]
    return 255 * 10 ** (-np.outer(amounts[:, index], vectors[index]))


job = json.load(sys.stdin)
shown = through_profile(job) if job.get("profile") else stain_alone(job)
json.dump(shown.tolist(), sys.stdout)
