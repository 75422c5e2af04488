"""Pure: the Pod Security Standards: what a namespace's labels ask of the pods in it.

Enter: a namespace's labels, a pod's metadata and spec. Leave: what they break, in upstream's words. Called by
leader/request/pod_security. Source: k8s.io/pod-security-admission, release 1.36.
"""
