"""What people type, and what kubectl prints, from the oldest kubectl to the newest.

The transcripts hold Kubernetes' own words. Everything runs with the oldest and the newest, the daily commands
with every version between them, too.
"""

import itertools
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kubectls import EVERY, NEWEST, OLDEST
from transcript import replay

DOCUMENTS = {
    "settings": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {tier: web}}
data: {colour: blue, size: "3"}
""",
    "settings-red": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {tier: web}}
data: {colour: red, size: "3"}
""",
    "pair": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: one, labels: {set: pair}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two, labels: {set: pair}}
""",
    "single": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: one, labels: {set: pair}}
""",
    "owned": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: owned}
data: {a: "1", b: "2"}
""",
    "misspelt": """\
apiVersion: v1
kind: Pod
metadata: {name: misspelt}
spec: {containers: [{name: c, image: x, imag: y}], replicas: 3}
""",
    "wrong": """\
apiVersion: v1
kind: Pod
metadata: {name: Wrong_Name}
spec: {containers: [{name: C_, image: ""}]}
""",
    "unknown": """\
apiVersion: example.org/v1
kind: Thing
metadata: {name: x}
""",
    "reader": """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: view}
rules: [{apiGroups: [example.org], resources: [things], verbs: [get]}]
""",
    "web": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: box, image: "localhost/box:1", command: [sleep, "1000"]}]
""",
}

DAILY = r"""
$ create < settings
configmap/settings created
$ create < settings
Error from server (AlreadyExists): error when creating "STDIN": configmaps "settings" already exists
! 1
$ apply < settings-red
configmap/settings configured
~ Warning: resource configmaps/settings is missing the kubectl.kubernetes.io/last-applied-configuration annotation.*
$ apply < settings-red
configmap/settings unchanged
$ get configmap settings -o jsonpath={.data.colour}
red
$ get cm
~ NAME +DATA +AGE
~ kube-root-ca.crt +1 +\d+s
~ settings +2 +\d+s
$ get cm -l tier=web -L tier --no-headers
~ settings +2 +\d+s +web
$ label configmap settings tier=api --overwrite
~ configmap/settings (un)?labeled
$ annotate configmap settings note=hello
~ configmap/settings annotated?
$ patch configmap settings -p '{"data":{"size":"4"}}'
configmap/settings patched
$ patch configmap settings -p '{"data":{"size":"4"}}'
configmap/settings patched (no change)
$ replace < settings
configmap/settings replaced
$ delete < settings
~ configmap "settings" deleted.*
$ get configmap settings
Error from server (NotFound): configmaps "settings" not found
! 1
$ get nothing
error: the server doesn't have a resource type "nothing"
! 1
$ auth can-i create deployments
yes
"""

OBJECTS = r"""
$ create --save-config < settings
configmap/settings created
$ diff < settings
$ diff < settings-red
...
-  colour: blue
+  colour: red
...
! 1
$ apply view-last-applied configmap settings -o json
{
  "apiVersion": "v1",
  "data": {
    "colour": "blue",
    "size": "3"
  },
...
$ apply set-last-applied < settings-red
configmap/settings configured
$ EDITOR='sed -i s/red/green/' apply edit-last-applied configmap/settings
configmap/settings edited
$ EDITOR='sed -i s/blue/black/' edit configmap settings
configmap/settings edited
$ EDITOR=true edit configmap settings
Edit cancelled, no changes made.
$ get cm settings -o go-template='{{.data.colour}} {{len .metadata.labels}}{{"\n"}}'
black 1
$ EDITOR='sed -i s/^data:/datas:/' edit configmap settings
~ error: configmaps "settings" (is invalid|could not be patched: .*)
...
! 1
$ patch configmap settings -p '{"data":{"size":4}}'
The request is invalid: patch: Invalid value: "map[data:map[size:4]]": cannot convert int64 to string
! 1
$ patch configmap settings -p '{"date":{"size":"4"}}'
configmap/settings patched (no change)
Warning: unknown field "date"
$ patch configmap settings --type=json -p '[{"op":"test","path":"/data/size","value":"9"}]'
The request is invalid: the server rejected our request due to an error in our request
! 1
$ patch configmap settings -p '{"metadata":{"uid":"x"}}'
~ The ConfigMap "settings" is invalid: metadata.uid: Invalid value: "x": field is immutable
! 1
$ replace --force < settings
configmap "settings" deleted
configmap/settings replaced
$ label configmaps settings k=bad/value/
~ error: invalid label value: "k=bad/value/": a valid label must be an empty string or consist of .*
! 1
$ label configmaps --all set=all
configmap/kube-root-ca.crt labeled
configmap/settings labeled
$ label configmap settings set-
configmap/settings unlabeled
$ label configmap settings --list
tier=web
$ annotate configmap settings note=one
~ configmap/settings annotated?
$ annotate configmap settings note=two
error: --overwrite is false but found the following declared annotation(s): 'note' already has a value (one)
! 1
$ annotate configmap -l tier=web note=two --overwrite
~ configmap/settings annotated?
$ apply --server-side < owned
configmap/owned serverside-applied
$ patch configmap owned --type=merge -p '{"data":{"a":"9"}}'
configmap/owned patched
$ apply --server-side < owned
error: Apply failed with 1 conflict: conflict with "kubectl-patch" using v1: .data.a
...
! 1
$ apply --server-side --force-conflicts < owned
configmap/owned serverside-applied
$ get configmap owned -o jsonpath='{.data}' --show-managed-fields
{"a":"1","b":"2"}
$ get configmap owned -o jsonpath='{.metadata.managedFields[*].manager}' --show-managed-fields
kubectl
$ apply < pair
configmap/one created
configmap/two created
$ apply --prune -l set=pair --prune-allowlist=core/v1/ConfigMap < single
...
configmap/one unchanged
configmap/two pruned
...
$ apply --dry-run=server < pair
configmap/one unchanged (server dry run)
configmap/two created (server dry run)
$ apply --dry-run=client < pair
~ configmap/one (unchanged|configured) \(dry run\)
configmap/two created (dry run)
$ get configmap two
Error from server (NotFound): configmaps "two" not found
! 1
$ apply < misspelt
~ Error from server \(BadRequest\): error when creating "STDIN": Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers\[0\].imag", unknown field "spec.replicas"
! 1
$ apply --validate=warn --dry-run=server < misspelt
pod/misspelt created (server dry run)
Warning: unknown field "spec.containers[0].imag"
Warning: unknown field "spec.replicas"
$ apply < wrong
The Pod "Wrong_Name" is invalid:
~ \* metadata.name: Invalid value: "Wrong_Name": a lowercase RFC 1123 subdomain must consist of .*
~ \* spec.containers\[0\].name: Invalid value: "C_": a lowercase RFC 1123 label must consist of .*
* spec.containers[0].image: Required value
! 1
$ apply < unknown
~ error: resource mapping not found for name: "x" namespace: "" from "STDIN": no matches for kind "Thing" in version "example.org/v1"
ensure CRDs are installed first
! 1
$ delete configmap nothing --ignore-not-found
$ delete configmap nothing
Error from server (NotFound): configmaps "nothing" not found
! 1
$ delete configmap one --dry-run=server
configmap "one" deleted (server dry run)
$ delete configmap,secret -l set=pair
~ configmap "one" deleted.*
$ wait --for=delete configmap/one --timeout=5s
$ delete configmaps --all --wait=false
...
~ configmap "settings" deleted.*
"""

GENERATORS = r"""
$ create configmap words --from-literal=a=b --from-literal=c=d
configmap/words created
$ create configmap words --from-literal=a=b
error: failed to create configmap: configmaps "words" already exists
! 1
$ create secret generic hidden --from-literal=password=secret
secret/hidden created
$ create secret docker-registry login --docker-username=u --docker-password=p --docker-email=e@example.org
secret/login created
$ get secrets
~ NAME +TYPE +DATA +AGE
~ hidden +Opaque +1 +\d+s
~ login +kubernetes.io/dockerconfigjson +1 +\d+s
$ create serviceaccount robot
serviceaccount/robot created
$ create token robot --duration=10m --audience=someone
~ [\w-]+\.[\w-]+\.[\w-]+
$ create role reader --verb=get,list --resource=pods,deployments.apps --resource-name=one
role.rbac.authorization.k8s.io/reader created
$ create rolebinding reads --role=reader --user=ann --serviceaccount=default:robot --group=readers
rolebinding.rbac.authorization.k8s.io/reads created
$ get rolebindings -o wide
~ NAME +ROLE +AGE +USERS +GROUPS +SERVICEACCOUNTS
~ reads +Role/reader +\d+s +ann +readers +default/robot
$ set subject rolebinding reads --user=bob
rolebinding.rbac.authorization.k8s.io/reads subjects updated
$ create quota limits --hard=pods=10,services=20
resourcequota/limits created
$ create service clusterip inside --tcp=80:8080
service/inside created
$ create service nodeport outside --tcp=80:8080
service/outside created
$ create service externalname far --external-name=example.org
service/far created
$ get services -o wide
~ NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE +SELECTOR
~ far +ExternalName +<none> +example.org +<none> +\d+s +app=far
~ inside +ClusterIP +10\.43\.\d+\.\d+ +<none> +80/TCP +\d+s +app=inside
~ outside +NodePort +10\.43\.\d+\.\d+ +<none> +80:3\d{4}/TCP +\d+s +app=outside
$ set selector service inside app=web
service/inside selector updated
$ create ingress front --rule=example.org/*=inside:80 --class=none --annotation=a=b
ingress.networking.k8s.io/front created
$ get ingress
~ NAME +CLASS +HOSTS +ADDRESS +PORTS +AGE
~ front +none +example.org +80 +\d+s
$ create poddisruptionbudget keep --selector=app=web --min-available=1
poddisruptionbudget.policy/keep created
$ create cronjob nightly --image=localhost/box:1 --schedule='0 3 * * *' -- true
cronjob.batch/nightly created
$ create job now --from=cronjob/nightly
job.batch/now created
$ wait --for=condition=complete job/now --timeout=30s
job.batch/now condition met
$ get jobs,cronjobs
~ NAME +STATUS +COMPLETIONS +DURATION +AGE
~ job.batch/now +Complete +1/1 +\d+s +\d+s
~ NAME +SCHEDULE +TIMEZONE +SUSPEND +ACTIVE +LAST SCHEDULE +AGE
~ cronjob.batch/nightly +0 3 \* \* \* +<none> +False +0 +<none> +\d+s
$ delete job now --cascade=background
~ job.batch "now" deleted.*
$ create deployment one --image=localhost/box:1 --dry-run=client -o jsonpath='{.spec.template.spec.containers[0].name}'
box
$ create configmap dry --from-literal=a=b --dry-run=server -o jsonpath='{.metadata.namespace} {.data.a}'
~ typed-\S+ b
"""

WORKLOADS = r"""
$ apply < web
deployment.apps/web created
$ rollout status deployment/web --timeout=60s
...
deployment "web" successfully rolled out
$ wait --for=condition=Available deployment/web --timeout=10s
deployment.apps/web condition met
$ wait --for=jsonpath={.status.readyReplicas}=1 deployment/web --timeout=10s
deployment.apps/web condition met
$ wait --for=condition=Never deployment/web --timeout=1s
error: timed out waiting for the condition on deployments/web
! 1
$ get all
~ NAME +READY +STATUS +RESTARTS +AGE
~ pod/web-[a-z0-9]+-[a-z0-9]{5} +1/1 +Running +0 +\d+s
~ NAME +READY +UP-TO-DATE +AVAILABLE +AGE
~ deployment.apps/web +1/1 +1 +1 +\d+s
~ NAME +DESIRED +CURRENT +READY +AGE
~ replicaset.apps/web-[a-z0-9]+ +1 +1 +1 +\d+s
$ get deployment web -o wide
~ NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR
~ web +1/1 +1 +1 +\d+s +box +localhost/box:1 +app=web
$ get pods --field-selector=status.phase=Running,spec.nodeName=board -o name
~ pod/web-.*
$ get pods --field-selector=spec.colour=red
~ Error from server \(BadRequest\): Unable to find "/v1, Resource=pods" that match label selector "", field selector "spec.colour=red": field label not supported: spec.colour
! 1
$ get pods -l 'app in (web, db),!missing' --sort-by=.metadata.name --chunk-size=1 -o name
~ pod/web-.*
$ get pods -o wide
~ NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES
~ web-\S+ +1/1 +Running +0 +\d+s +10\.42\.0\.\d+ +board +<none> +<none>
$ set image deployment/web box=localhost/box:1 none=x
error: unable to find container named "none"
! 1
$ set env deployment/web COLOUR=blue
deployment.apps/web env updated
$ set env deployment/web --list
# Deployment web, container box
COLOUR=blue
$ annotate deployment web kubernetes.io/change-cause='make it blue'
~ deployment.apps/web annotated?
$ set resources deployment web -c=box --limits=cpu=200m,memory=64Mi --requests=cpu=10m
deployment.apps/web resource requirements updated
$ set serviceaccount deployment web default
deployment.apps/web serviceaccount updated
$ rollout status deployment/web --timeout=60s
...
deployment "web" successfully rolled out
$ rollout history deployment/web --revision=2
deployment.apps/web with revision #2
Pod Template:
...
~ \s+COLOUR:\s+blue
...
$ rollout undo deployment/web --to-revision=1
deployment.apps/web rolled back
$ rollout undo deployment/web --to-revision=99
error: unable to find specified revision 99 in history
! 1
$ rollout pause deployment/web
deployment.apps/web paused
$ rollout pause deployment/web
error: deployments.apps "web" is already paused
! 1
$ rollout restart deployment/web
error: deployments.apps "web" can't restart paused deployment (run rollout resume first)
! 1
$ rollout resume deployment/web
deployment.apps/web resumed
$ rollout restart deployment/web
deployment.apps/web restarted
$ rollout status deployment/web --timeout=60s
...
deployment "web" successfully rolled out
$ scale deployment/web --replicas=3 --current-replicas=7
error: Expected replicas to be 7, was 1
! 1
$ scale deployment/web --replicas=2 --current-replicas=1
deployment.apps/web scaled
$ autoscale deployment web --min=1 --max=3 --cpu-percent=80
horizontalpodautoscaler.autoscaling/web autoscaled
$ expose deployment web --port=80 --target-port=8080 --name=front
service/front exposed
$ describe deployment web
~ Name: +web
...
~ \s+Normal +ScalingReplicaSet .*
...
$ events --for deployment/web --types=Normal
~ LAST SEEN +TYPE +REASON +OBJECT +MESSAGE
...
~ .* Normal +ScalingReplicaSet +Deployment/web +Scaled (up|down) replica set .*
...
$ delete deployment web --cascade=orphan
~ deployment.apps "web" deleted.*
$ get replicasets -l app=web -o jsonpath='{range .items[*]}{.spec.replicas}{end}'
~ [0-9]+
$ delete replicasets -l app=web --cascade=foreground
...
$ run lone --image=localhost/box:1 --labels=a=b,c=d --env=X=y --port=80 --restart=Never -- sleep 1000
pod/lone created
$ delete pod lone --grace-period=0 --force
~ pod "lone" force deleted.*
...
"""

SETS = r"""
$ KUBECTL_APPLYSET=true apply --prune --applyset=set < pair
configmap/one created
configmap/two created
$ KUBECTL_APPLYSET=true apply --prune --applyset=set < single
configmap/one unchanged
configmap/two pruned
$ get secret set -o jsonpath='{.metadata.labels}'
~ .*"applyset.kubernetes.io/id":"applyset-.*-v1".*
$ get configmaps -l applyset.kubernetes.io/part-of -o name
configmap/one
$ diff --server-side < owned
...
+  a: "1"
+  b: "2"
...
! 1
$ diff < wrong
The Pod "Wrong_Name" is invalid:
...
! 2
$ get configmaps one -o custom-columns=NAME:.metadata.name,SET:.metadata.labels.set
~ NAME +SET
~ one +pair
$ get configmaps --sort-by=.metadata.name --chunk-size=1 -o name
configmap/kube-root-ca.crt
configmap/one
$ get configmaps -l set=pair -o jsonpath-as-json='{.items[*].metadata.labels.set}'
[
    "pair"
]
$ create clusterrole typed-dry --verb=get --non-resource-url=/x --dry-run=server -o name
clusterrole.rbac.authorization.k8s.io/typed-dry
$ create clusterrole typed-dry --aggregation-rule=a=b --dry-run=server -o jsonpath='{.aggregationRule}'
{"clusterRoleSelectors":[{"matchLabels":{"a":"b"}}]}
$ create clusterrolebinding typed-dry --clusterrole=view --group=g --dry-run=server
clusterrolebinding.rbac.authorization.k8s.io/typed-dry created (server dry run)
$ create priorityclass typed-dry --value=5 --preemption-policy=Never --dry-run=server
priorityclass.scheduling.k8s.io/typed-dry created (server dry run)
$ create quota q --hard=cpu=1 --scopes=BestEffort
error: failed to create quota: ResourceQuota "q" is invalid: spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource
! 1
$ create service loadbalancer lb --tcp=80 --dry-run=server
service/lb created (server dry run)
$ create service clusterip head --clusterip=None
service/head created
$ expose service head --port=81 --name=other --session-affinity=ClientIP --external-ip=192.0.2.1 --protocol=UDP
service/other exposed
$ get service other
~ NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE
~ other +ClusterIP +10\.43\.\S+ +192\.0\.2\.1 +81/UDP +\d+s
$ create token default --bound-object-kind=Secret --bound-object-name=set --duration=10m
~ [\w-]+\.[\w-]+\.[\w-]+
$ create token default --bound-object-kind=Secret --bound-object-name=nothing
error: failed to create token: secrets "nothing" not found
! 1
$ create token nothing
error: failed to create token: serviceaccounts "nothing" not found
! 1
$ auth reconcile --dry-run=client < reader
clusterrole.rbac.authorization.k8s.io/view reconciled (dry run)
...
~ \s+\{Verbs:\[get\] APIGroups:\[example.org\] Resources:\[things\] ResourceNames:\[\] NonResourceURLs:\[\]\}
...
$ get --raw /version --as=system:anonymous
~ \{"major":"1".*
$ api-resources --namespaced=false --verbs=list,delete --api-group=storage.k8s.io -o name
csidrivers.storage.k8s.io
csinodes.storage.k8s.io
storageclasses.storage.k8s.io
volumeattachments.storage.k8s.io
volumeattributesclasses.storage.k8s.io
$ cluster-info dump --namespaces=nothing
...
"""

DEBUGGING = r"""
$ run lone --image=localhost/box:1 --restart=Never -- sleep 1000
pod/lone created
$ wait --for=condition=Ready pod/lone --timeout=30s
pod/lone condition met
$ debug lone --image=localhost/box:1 --profile=general -c general -- id
...
$ debug lone --image=localhost/box:1 --profile=baseline -c baseline -- id
...
$ debug lone --image=localhost/box:1 --profile=netadmin -c netadmin -- id
...
$ debug lone --image=localhost/box:1 --profile=restricted -c restricted -- id
...
$ wait --for=jsonpath={.status.ephemeralContainerStatuses[2].state.terminated.exitCode}=0 pod/lone --timeout=30s
pod/lone condition met
$ get pod lone -o jsonpath='{.spec.ephemeralContainers[?(@.name=="netadmin")].securityContext.capabilities.add}'
~ \["NET_ADMIN".*\]
$ logs lone -c general
~ uid=0.*
$ debug lone --image=localhost/box:1 --copy-to=copy --share-processes --same-node --profile=general -c extra -- sleep 1000
$ wait --for=condition=Ready pod/copy --timeout=30s
pod/copy condition met
$ get pod copy -o jsonpath='{.spec.shareProcessNamespace} {.spec.nodeName} {.spec.containers[*].name}'
true board lone extra
$ debug lone --copy-to=changed --set-image=lone=localhost/box:1 --profile=general
$ debug node/board --image=localhost/box:1 --profile=general -- ls /host
~ Creating debugging pod node-debugger-board-\w+ with container debugger on node board.
$ events --for pod/lone --types=Normal --no-headers
...
~ .* Started +Pod/lone +.*
...
$ top pod lone --containers
~ POD +NAME +CPU\(cores\) +MEMORY\(bytes\).*
~ lone +lone +\d+m +\d+Mi
$ top node --sort-by=memory --no-headers
~ board +\d+m +\d+% +\d+Mi +\d+%
$ exec lone -c nothing -- true
~ Error from server \(BadRequest\): container nothing is not valid for pod lone
! 1
$ exec lone -c lone -- sh -c 'exit 7'
command terminated with exit code 7
! 7
$ attach nothing
Error from server (NotFound): pods "nothing" not found
! 1
$ delete pods --all --now --wait=false
...
~ pod "lone" deleted.*
...
"""

SERVER = r"""
$ auth can-i delete nodes
yes
Warning: resource 'nodes' is not namespace scoped
$ auth can-i get pods --subresource=log
yes
$ get pods --as=ann
~ Error from server \(Forbidden\): pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "typed-\S+"
! 1
$ cordon board
node/board cordoned
$ get nodes
~ NAME +STATUS +ROLES +AGE +VERSION
~ board +Ready,SchedulingDisabled +control-plane +\S+ +v1\.\d+\..*
$ uncordon board
node/board uncordoned
$ taint node board test=on:NoSchedule
node/board tainted
$ taint node board test=on:NoSchedule
error: node board already has test taint(s) with same effect(s) and --overwrite is false
! 1
$ taint node board test-
node/board untainted
$ drain board --dry-run=server --ignore-daemonsets --force --pod-selector=app=nothing
node/board cordoned (server dry run)
node/board drained (server dry run)
$ get --raw /healthz
ok
$ get componentstatuses
~ NAME +STATUS +MESSAGE +ERROR
~ controller-manager +Healthy +ok
~ etcd-0 +Healthy +ok
~ scheduler +Healthy +ok
Warning: v1 ComponentStatus is deprecated in v1.19+
$ cluster-info -n kube-system
~ .*Kubernetes control plane.* is running at .*
~ .*CoreDNS.* is running at .*/api/v1/namespaces/kube-system/services/kube-dns:dns/proxy.*
...
$ api-resources --api-group=apps -o name
controllerrevisions.apps
daemonsets.apps
deployments.apps
replicasets.apps
statefulsets.apps
$ explain pod.spec.containers.resources
~ KIND: +Pod
~ VERSION: +v1
...
~ FIELD: resources <ResourceRequirements>
...
~ \s+limits\s+<map\[string\](Quantity|string)>
...
$ explain deployment.spec.strategy --api-version=apps/v1 --recursive
...
~ \s+rollingUpdate\s+<RollingUpdateDeployment>
~ \s+maxSurge\s+<IntOrString>
~ \s+maxUnavailable\s+<IntOrString>
...
$ explain pod.spec.nothing
...
error: field "nothing" does not exist
! 1
$ completion bash
~ # (bash completion|Copyright) .*
...
"""


NUMBERS = itertools.count()  # a namespace of the test before may still be going


@pytest.fixture
def transcripts(board):
    """Replays a transcript with several kubectls, each in a namespace of its own, two at a time."""
    names = []

    def replay_with(programs, text, at_once=2):
        def replay_one(program):
            name = f"typed-{next(NUMBERS)}-{Path(program).name.replace('.', '-')}"
            names.append(name)
            board.kubectl("create", "namespace", name)

            def run(words, text_in, extra):
                command = [
                    *("nsenter", f"--net=/run/netns/{board.name}", program, "-n", name),
                    *(f"--cache-dir={board.directory}/cache-{Path(program).name}", *words),
                ]
                environment = {**board.environment(), **extra}
                done = subprocess.run(
                    command, input=text_in, capture_output=True, text=True, timeout=120, env=environment
                )
                return done.returncode, done.stdout, done.stderr

            return "".join(f"\n{Path(program).name}: {wrong}" for wrong in replay(text, run, DOCUMENTS))

        with ThreadPoolExecutor(at_once) as pool:
            wrong = "".join(pool.map(replay_one, programs))
        assert not wrong, wrong

    yield replay_with
    board.kubectl("delete", "namespace", *names, "--wait=false")


def test_the_commands_of_every_day_with_every_version(transcripts):
    transcripts(EVERY, DAILY)


@pytest.mark.parametrize(
    "text",
    [OBJECTS, GENERATORS, WORKLOADS, SETS, DEBUGGING],
    ids=["objects", "generators", "workloads", "sets", "debugging"],
)
def test_what_people_type(transcripts, text):
    transcripts([NEWEST, OLDEST], text)


def test_what_people_type_about_nodes_and_the_server(transcripts):
    transcripts([NEWEST, OLDEST], SERVER, at_once=1)
