"""The renderer, or a skip: name it by TONEGRAFT, or build it with cargo."""

import pytest
import torch

from tonegraft_export.renderer import RendererError, find


@pytest.fixture(autouse=True)
def _same_weights():
    torch.manual_seed(20)


@pytest.fixture(scope="session")
def renderer():
    try:
        return find()
    except RendererError as error:
        pytest.skip(str(error))
