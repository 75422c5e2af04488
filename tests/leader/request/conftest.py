import pytest
from request_api import Api


@pytest.fixture
async def api():
    """An API with the namespace `default`, as an administrator sees it."""
    api = Api()
    await api.make_namespace()
    return api
