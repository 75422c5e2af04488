"""CustomResourceDefinitions for tests that have no controllers."""

from pikube.api.kinds.extensions import CustomResourceDefinition
from pikube.leader.controllers.custom_definitions import Around, reconcile

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


async def establish(api, crd):
    """Create a definition and do what its controller would do."""
    status, made = await api("POST", CRDS, crd)
    assert status == 201, made
    name = crd["metadata"]["name"]
    client = api.plane.client
    definition = await client.get(CustomResourceDefinition, name)
    for action in reconcile(definition, Around(()), api.now):
        await client.update(action.obj, subresource=action.subresource)
    api.plane.custom_kinds.changed(None, await client.get(CustomResourceDefinition, name))
    return made
