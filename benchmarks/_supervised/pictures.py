"""Pictures of rows, as PNG files."""

import numpy as np


def save_grid(file, rows):
    """Write a grid of square images, dark on white; `rows` has the shape (n_down, n_across, n_pixels)."""
    from matplotlib import pyplot as plt  # only who wants pictures needs it

    n_down, n_across, n_pixels = rows.shape
    side = round(n_pixels**0.5)
    images = np.pad(rows.reshape(n_down, n_across, side, side), [(0, 0), (0, 0), (1, 1), (1, 1)])
    page = images.transpose(0, 2, 1, 3).reshape(n_down * (side + 2), n_across * (side + 2))
    file.parent.mkdir(parents=True, exist_ok=True)
    plt.imsave(file, np.kron(page, np.ones((3, 3))), cmap="gray_r", vmin=0, vmax=1)
