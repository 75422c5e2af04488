"""Volumes as the book's chapter 15 types them: a singleton on a chosen volume, a class that provisions, one claim for
each member of a StatefulSet."""

import json
from pathlib import Path

from board import wait_until

SINGLETON = """\
apiVersion: v1
kind: PersistentVolume
metadata: {name: database-NAMESPACE, labels: {volume: NAMESPACE}}
spec:
  accessModes: [ReadWriteMany]
  capacity: {storage: 1Gi}
  hostPath: {path: DIRECTORY}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: database}
spec:
  accessModes: [ReadWriteMany]
  storageClassName: ""
  resources: {requests: {storage: 1Gi}}
  selector: {matchLabels: {volume: NAMESPACE}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: mysql, labels: {app: mysql}}
spec:
  replicas: 1
  selector: {matchLabels: {app: mysql}}
  template:
    metadata: {labels: {app: mysql}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: database
        image: localhost/box:1
        command: [sh, -c, 'echo "started by $HOSTNAME" >> /var/lib/mysql/log; exec httpd -f -p 3306']
        resources: {requests: {cpu: 10m, memory: 16Mi}}
        env: [{name: MYSQL_ROOT_PASSWORD, value: some-password-here}]
        livenessProbe: {tcpSocket: {port: 3306}}
        ports: [{containerPort: 3306}]
        volumeMounts: [{name: database, mountPath: /var/lib/mysql}]
      volumes:
      - name: database
        persistentVolumeClaim: {claimName: database}
"""

MEMBERS = """\
apiVersion: v1
kind: Service
metadata: {name: mongo}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector: {app: mongo}
  ports: [{name: peer, port: 27017}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: mongo}
spec:
  serviceName: mongo
  replicas: 2
  selector: {matchLabels: {app: mongo}}
  persistentVolumeClaimRetentionPolicy: {whenScaled: Retain, whenDeleted: Delete}
  template:
    metadata: {labels: {app: mongo}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: mongodb
        image: localhost/box:1
        command: [sh, -c, 'hostname >> /data/db/names; exec httpd -f -p 27017 -h /data/db']
        ports: [{containerPort: 27017, name: peer}]
        volumeMounts: [{name: database, mountPath: /data/db}]
  volumeClaimTemplates:
  - metadata: {name: database}
    spec:
      accessModes: [ReadWriteOnce]
      resources: {requests: {storage: 100Mi}}
"""

SCRATCH = """\
apiVersion: v1
kind: Pod
metadata: {name: scratch}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
  - name: box
    image: localhost/box:1
    command: [sh, -c, 'echo kept > /scratch/file; cat /scratch/file']
    volumeMounts: [{name: room, mountPath: /scratch}]
  volumes:
  - name: room
    ephemeral:
      volumeClaimTemplate:
        metadata: {labels: {of: scratch}}
        spec:
          accessModes: [ReadWriteOnce]
          resources: {requests: {storage: 1Mi}}
"""


def phase(board, namespace, name):
    return board.get("pvc", name, "-n", namespace)["status"].get("phase")


def test_a_singleton_keeps_its_data_on_the_volume_that_its_claim_chose_by_label(board, namespace):
    directory = board.directory / f"singleton-{namespace}"
    text = SINGLETON.replace("NAMESPACE", namespace).replace("DIRECTORY", str(directory))
    board.kubectl("-n", namespace, "apply", "-f", "-", text_in=text)
    wait_until(lambda: phase(board, namespace, "database") == "Bound", what="the claim is bound")
    table = board.kubectl("-n", namespace, "get", "pvc", "database")
    assert table.split("\n")[0].split()[:4] == ["NAME", "STATUS", "VOLUME", "CAPACITY"]
    assert f"Bound    database-{namespace}   1Gi        RWX" in table
    board.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod", "-l", "app=mysql", "--timeout=60s")
    [first] = board.get("pods", "-n", namespace, "-l", "app=mysql")["items"]
    board.kubectl("-n", namespace, "delete", "pod", first["metadata"]["name"])
    log = directory / "log"
    wait_until(lambda: len(log.read_text().splitlines()) == 2, what="the second pod writes behind the first")
    assert first["metadata"]["name"] in log.read_text()

    board.kubectl("-n", namespace, "delete", "pvc", "database", "--wait=false")
    described = board.kubectl("-n", namespace, "describe", "pvc", "database")
    assert "Terminating" in described and "kubernetes.io/pvc-protection" in described
    board.kubectl("-n", namespace, "delete", "replicaset", "mysql")
    board.kubectl("-n", namespace, "wait", "--for=delete", "pvc/database", "--timeout=30s")
    volume = f"database-{namespace}"
    board.kubectl("wait", "--for=jsonpath={.status.phase}=Released", f"pv/{volume}", "--timeout=10s")
    board.kubectl("delete", "pv", volume)
    assert len(log.read_text().splitlines()) == 2, "Retain keeps what is in the volume"


def test_members_of_a_stateful_set_find_their_own_volumes_again(board, namespace):
    classes = board.kubectl("get", "storageclass")
    assert (
        "local-path (default)   pikube.io/local-path   Delete          WaitForFirstConsumer   true" in classes
    )
    board.kubectl("-n", namespace, "apply", "-f", "-", text_in=MEMBERS)
    board.kubectl("-n", namespace, "rollout", "status", "statefulset/mongo", "--timeout=60s")
    claim = board.get("pvc", "database-mongo-1", "-n", namespace)
    assert claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] == "board"
    volume = board.get("pv", claim["spec"]["volumeName"])
    directory = Path(volume["spec"]["hostPath"]["path"])
    assert (directory / "names").read_text() == "mongo-1\n"
    for name in ("mongo-1.mongo", f"mongo-1.mongo.{namespace}.svc.cluster.local"):
        asked = ("exec", "mongo-0", "--", "wget", "-qO-", f"http://{name}:27017/names")
        assert board.kubectl("-n", namespace, *asked) == "mongo-1\n"
    board.kubectl("-n", namespace, "delete", "pod", "mongo-1")
    wait_until(
        lambda: (directory / "names").read_text() == "mongo-1\nmongo-1\n", what="the same volume again"
    )

    board.kubectl("-n", namespace, "scale", "statefulset", "mongo", "--replicas=1")
    board.kubectl("-n", namespace, "wait", "--for=delete", "pod/mongo-1", "--timeout=30s")
    assert phase(board, namespace, "database-mongo-1") == "Bound", "whenScaled: Retain"
    patch = json.dumps({"spec": {"resources": {"requests": {"storage": "200Mi"}}}})
    board.kubectl("-n", namespace, "patch", "pvc", "database-mongo-1", "-p", patch)
    grown = "--for=jsonpath={.status.capacity.storage}=200Mi"
    board.kubectl("-n", namespace, "wait", grown, "pvc/database-mongo-1", "--timeout=10s")
    shrink = json.dumps({"spec": {"resources": {"requests": {"storage": "50Mi"}}}})
    refused = board.kubectl("-n", namespace, "patch", "pvc", "database-mongo-1", "-p", shrink, check=False)
    assert "field can not be less than status.capacity" in refused.stderr

    board.kubectl("-n", namespace, "delete", "statefulset", "mongo")
    for name in ("database-mongo-0", "database-mongo-1"):
        board.kubectl("-n", namespace, "wait", "--for=delete", f"pvc/{name}", "--timeout=30s")
    board.kubectl("wait", "--for=delete", f"pv/{claim['spec']['volumeName']}", "--timeout=30s")
    assert not directory.exists(), "Delete removes what was provisioned"


def test_the_claim_of_an_ephemeral_volume_lives_as_long_as_its_pod(board, namespace):
    board.kubectl("-n", namespace, "apply", "-f", "-", text_in=SCRATCH)
    done = "--for=jsonpath={.status.phase}=Succeeded"
    board.kubectl("-n", namespace, "wait", done, "pod/scratch", "--timeout=30s")
    assert board.kubectl("-n", namespace, "logs", "scratch") == "kept\n"
    claim = board.get("pvc", "scratch-room", "-n", namespace)
    assert claim["metadata"]["ownerReferences"][0]["name"] == "scratch"
    board.kubectl("-n", namespace, "delete", "pod", "scratch")
    board.kubectl("-n", namespace, "wait", "--for=delete", "pvc/scratch-room", "--timeout=30s")
    board.kubectl("wait", "--for=delete", f"pv/{claim['spec']['volumeName']}", "--timeout=30s")
