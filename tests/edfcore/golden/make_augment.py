"""Golden vectors for edfcore.data.augment: affine warps and resized images, by PyTorch in float64.

The tests read augment.npz beside this file and need no PyTorch. To make it anew, in an environment with torch and
numpy, from the root of the repository:

    python tests/edfcore/golden/make_augment.py

The file holds images (B, c, h, w), matrices (B, 2, 2) and shifts (B, 2) in pixels, acting on (row, column) about the
centre, and `warped`: torch's affine_grid and grid_sample (bilinear, zeros beyond the image, align_corners=False).
`resized.HxW` is torch's interpolate (bilinear, antialias=True, align_corners=False) of the images to H x W, and
`crop.HxW` that of the patches `boxes` (B, 4): top, left, height, width.
"""

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SIZES = ((9, 6), (18, 12), (4, 3), (13, 2), (1, 1), (3, 20))


def warped(torch, images, matrices, shifts):
    """torch's theta maps normalized (x, y) of the output, from -1 to 1 edge to edge, to those of the input."""
    h, w = images.shape[-2:]
    pixels = torch.tensor([h / 2, w / 2])  # (row, column) in pixels for one normalized unit
    inverse = torch.linalg.inv(matrices)
    linear = inverse * pixels[None, None, :] / pixels[None, :, None]
    offset = -torch.einsum("bij,bj->bi", inverse, shifts) / pixels
    theta = torch.cat([linear.flip(1, 2), offset.flip(1)[:, :, None]], dim=2)
    grid = torch.nn.functional.affine_grid(theta, images.shape, align_corners=False)
    return torch.nn.functional.grid_sample(images, grid, align_corners=False)


def resized(torch, images, size):
    return torch.nn.functional.interpolate(images, size, mode="bilinear", align_corners=False, antialias=True)


def main():
    """Write the file beside this one."""
    import torch

    rng = np.random.default_rng(0)
    images = rng.uniform(size=(5, 3, 9, 6))
    matrices, shifts = np.eye(2) + rng.normal(size=(5, 2, 2)) * 0.4, rng.normal(size=(5, 2)) * 1.5
    boxes = np.array([[0, 0, 9, 6], [2, 1, 5, 4], [8, 5, 1, 1], [0, 2, 3, 4], [4, 0, 5, 2]])
    x = torch.tensor(images)
    found = {"images": images, "matrices": matrices, "shifts": shifts, "boxes": boxes}
    found["warped"] = warped(torch, x, torch.tensor(matrices), torch.tensor(shifts)).numpy()
    for size in SIZES:
        found["resized.{}x{}".format(*size)] = resized(torch, x, size).numpy()
        patches = [resized(torch, x[b : b + 1, :, t : t + h, s : s + w], size) for b, (t, s, h, w) in enumerate(boxes)]
        found["crop.{}x{}".format(*size)] = torch.cat(patches).numpy()
    versions = {"torch_version": torch.__version__, "numpy_version": np.__version__}
    np.savez_compressed(HERE / "augment.npz", **found, **versions)


if __name__ == "__main__":
    main()
