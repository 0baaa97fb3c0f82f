"""Data that the course uses: loaded, normalized, augmented, cut into batches. Nothing here needs the network."""

from . import augment, batching, loaders, normalize
from .batching import ClassBalancedSampler, ErrorWeightedSampler, SequentialSampler, ShuffledSampler, batches
from .loaders import load_cifar, load_idx, load_image_folder, load_npz
from .mnist import halved
from .mnist import load as load_mnist
from .normalize import (
    PCA,
    Normalization,
    PCAWhiten,
    PerChannel,
    Standardize,
    SubtractMean,
    SubtractMeanImage,
    SubtractMeanPixel,
    ZCAWhiten,
)

__all__ = [
    "PCA",
    "ClassBalancedSampler",
    "ErrorWeightedSampler",
    "Normalization",
    "PCAWhiten",
    "PerChannel",
    "SequentialSampler",
    "ShuffledSampler",
    "Standardize",
    "SubtractMean",
    "SubtractMeanImage",
    "SubtractMeanPixel",
    "ZCAWhiten",
    "augment",
    "batches",
    "batching",
    "halved",
    "load_cifar",
    "load_idx",
    "load_image_folder",
    "load_mnist",
    "load_npz",
    "loaders",
    "normalize",
]
