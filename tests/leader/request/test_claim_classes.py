"""A claim names its class once: at its creation, or when there is a default one, at last."""

CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"


def claim(**spec):
    resources = {"requests": {"storage": "1Gi"}}
    return {
        "metadata": {"name": "c"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources, **spec},
    }


async def named(api, name):
    patch = {"spec": {"storageClassName": name}}
    return await api("PATCH", f"{CLAIMS}/c", patch, content_type="application/merge-patch+json")


async def test_a_claim_without_a_class_takes_one_and_keeps_it(api):
    assert (await api("POST", CLAIMS, claim()))[0] == 201
    assert (await named(api, "fast"))[0] == 200
    code, refused = await named(api, "slow")
    assert code == 422 and "spec is immutable after creation" in refused["message"]


async def test_a_claim_that_wants_no_class_stays_without(api):
    assert (await api("POST", CLAIMS, claim(storageClassName="")))[0] == 201
    assert (await named(api, "fast"))[0] == 422


async def test_a_claim_that_names_its_class_by_the_old_annotation_takes_no_default(api):
    mark = {"storageclass.kubernetes.io/is-default-class": "true"}
    usual = {"metadata": {"name": "usual", "annotations": mark}, "provisioner": "x/y"}
    await api("POST", "/apis/storage.k8s.io/v1/storageclasses", usual)
    old = {"metadata": {"name": "old", "annotations": {"volume.beta.kubernetes.io/storage-class": "old"}}}
    for body, name in ((claim() | old, None), (claim(), "usual")):
        _, made = await api("POST", CLAIMS, body)
        assert made["spec"].get("storageClassName") == name
