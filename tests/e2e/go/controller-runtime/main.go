// An operator as people write them, through controller-runtime, unmodified: a manager with leader election, cached
// reads by index and a mutating webhook; finalizers, owned objects, patches and applies of status, scale, events,
// paging; envtest's installer of definitions. The namespace is the argument. Prints "all well".
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}
func check(truth bool, words string) {
	if !truth {
		panic(words)
	}
}

var gvk = schema.GroupVersionKind{Group: "toys.example.org", Version: "v1", Kind: "Toy"}

func toy(ns, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"replicas": int64(1)}}}
	u.SetGroupVersionKind(gvk)
	u.SetNamespace(ns)
	u.SetName(name)
	return u
}

func crd() *apiextensionsv1.CustomResourceDefinition {
	object := apiextensionsv1.JSONSchemaProps{Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{
		"spec": {Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{
			"replicas": {Type: "integer", Format: "int32", Default: &apiextensionsv1.JSON{Raw: []byte("1")}},
			"colour":   {Type: "string", Enum: []apiextensionsv1.JSON{{Raw: []byte(`"red"`)}, {Raw: []byte(`"blue"`)}}},
		}},
		"status": {Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{
			"replicas": {Type: "integer"}, "selector": {Type: "string"},
			"conditions": {Type: "array", XListType: ptr("map"), XListMapKeys: []string{"type"}, Items: &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &apiextensionsv1.JSONSchemaProps{
				Type: "object", Required: []string{"type", "status"}, Properties: map[string]apiextensionsv1.JSONSchemaProps{
					"type": {Type: "string"}, "status": {Type: "string"}, "reason": {Type: "string"}, "message": {Type: "string"}, "lastTransitionTime": {Type: "string", Format: "date-time"}}}}},
		}},
	}}
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "toys.toys.example.org"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "toys.example.org", Scope: "Namespaced",
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "toys", Singular: "toy", Kind: "Toy", ListKind: "ToyList", Categories: []string{"all"}},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &object},
				Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{},
					Scale: &apiextensionsv1.CustomResourceSubresourceScale{SpecReplicasPath: ".spec.replicas", StatusReplicasPath: ".status.replicas", LabelSelectorPath: ptr(".status.selector")}},
				SelectableFields: []apiextensionsv1.SelectableField{{JSONPath: ".spec.colour"}},
			}},
		},
	}
}
func ptr[T any](v T) *T { return &v }

type reconciler struct {
	client.Client
	mgr ctrl.Manager
}

func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	t := toy("", "")
	if err := r.Get(ctx, req.NamespacedName, t); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !t.GetDeletionTimestamp().IsZero() {
		if controllerutil.RemoveFinalizer(t, "toys.example.org/hold") {
			return ctrl.Result{}, r.Update(ctx, t)
		}
		return ctrl.Result{}, nil
	}
	if controllerutil.AddFinalizer(t, "toys.example.org/hold") {
		if err := r.Update(ctx, t); err != nil {
			return ctrl.Result{}, err
		}
	}
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: t.GetName(), Namespace: t.GetNamespace()}}
	op, err := controllerutil.CreateOrUpdate(ctx, r.Client, cm, func() error {
		cm.Data = map[string]string{"of": t.GetName()}
		return controllerutil.SetControllerReference(t, cm, r.Scheme())
	})
	if err != nil {
		return ctrl.Result{}, err
	}
	if op != controllerutil.OperationResultNone {
		r.mgr.GetEventRecorderFor("toys").Eventf(t, "Normal", "Made", "made %s", cm.Name)
	}
	before := t.DeepCopy()
	_ = unstructured.SetNestedField(t.Object, "app=toy", "status", "selector")
	_ = unstructured.SetNestedField(t.Object, int64(1), "status", "replicas")
	return ctrl.Result{}, r.Status().Patch(ctx, t, client.MergeFrom(before))
}

func selfSigned(dir string) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hook"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	must(err)
	kb, err := x509.MarshalPKCS8PrivateKey(key)
	must(err)
	crt := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	must(os.WriteFile(filepath.Join(dir, "tls.crt"), crt, 0o600))
	must(os.WriteFile(filepath.Join(dir, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kb}), 0o600))
	return crt
}

type hook struct{ d admission.Decoder }

func (h hook) Handle(_ context.Context, req admission.Request) admission.Response {
	t := &unstructured.Unstructured{}
	if err := h.d.DecodeRaw(req.Object, t); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if t.GetName() == "refused" {
		return admission.Denied("no such toys").WithWarnings("beware")
	}
	l := t.GetLabels()
	if l == nil {
		l = map[string]string{}
	}
	l["hooked"] = string(req.Operation)
	t.SetLabels(l)
	b, _ := json.Marshal(t)
	return admission.PatchResponseFromRaw(req.Object.Raw, b)
}

func eventually(ctx context.Context, what string, f func() bool) {
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 15*time.Second, true, func(context.Context) (bool, error) { return f(), nil })
	check(err == nil, what)
}

type warn struct{ seen []string }

func (w *warn) HandleWarningHeader(_ int, _ string, text string) { w.seen = append(w.seen, text) }

func main() {
	ns := os.Args[1]
	log.SetLogger(logr.Discard())
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	cfg, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	must(err)
	s := runtime.NewScheme()
	must(clientgoscheme.AddToScheme(s))
	must(apiextensionsv1.AddToScheme(s))
	opts := envtest.CRDInstallOptions{CRDs: []*apiextensionsv1.CustomResourceDefinition{crd()}, Scheme: s}
	_, err = envtest.InstallCRDs(cfg, opts)
	must(err)
	defer func() { must(envtest.UninstallCRDs(cfg, opts)) }()
	dir, err := os.MkdirTemp("", "hook")
	must(err)
	defer os.RemoveAll(dir)
	ca := selfSigned(dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{Scheme: s, Metrics: metricsserver.Options{BindAddress: "0"},
		LeaderElection: true, LeaderElectionID: "toys", LeaderElectionNamespace: ns, LeaderElectionReleaseOnCancel: true,
		Cache:         cache.Options{DefaultNamespaces: map[string]cache.Config{ns: {}}},
		WebhookServer: webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: port, CertDir: dir})})
	must(err)
	must(mgr.GetFieldIndexer().IndexField(ctx, &corev1.ConfigMap{}, "of", func(o client.Object) []string { return []string{o.(*corev1.ConfigMap).Data["of"]} }))
	must(ctrl.NewControllerManagedBy(mgr).For(toy("", "")).Owns(&corev1.ConfigMap{}).Owns(&corev1.Secret{}, builder.OnlyMetadata).Complete(&reconciler{mgr.GetClient(), mgr}))
	mgr.GetWebhookServer().Register("/m", &admission.Webhook{Handler: hook{admission.NewDecoder(s)}})
	go func() { must(mgr.Start(ctx)) }()
	<-mgr.Elected()

	w := &warn{}
	cc := *cfg
	cc.WarningHandler = w
	c, err := client.NewWithWatch(&cc, client.Options{Scheme: s})
	must(err)
	fail := admissionregistrationv1.Fail
	none := admissionregistrationv1.SideEffectClassNone
	url := fmt.Sprintf("https://127.0.0.1:%d/m", port)
	hookConf := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "toys-" + ns}, Webhooks: []admissionregistrationv1.MutatingWebhook{{
		Name: "toys.example.org", ClientConfig: admissionregistrationv1.WebhookClientConfig{URL: &url, CABundle: ca}, FailurePolicy: &fail, SideEffects: &none,
		AdmissionReviewVersions: []string{"v1"}, Rules: []admissionregistrationv1.RuleWithOperations{{Operations: []admissionregistrationv1.OperationType{"CREATE"},
			Rule: admissionregistrationv1.Rule{APIGroups: []string{"toys.example.org"}, APIVersions: []string{"v1"}, Resources: []string{"toys"}}}}}}}
	must(c.Create(ctx, hookConf))
	defer func() { must(c.Delete(context.Background(), hookConf)) }()

	watcher, err := c.Watch(ctx, &corev1.ConfigMapList{}, client.InNamespace(ns))
	must(err)
	a := toy(ns, "a")
	must(c.Create(ctx, a))
	check(a.GetLabels()["hooked"] == "CREATE", "hooked")
	err = c.Create(ctx, toy(ns, "refused"))
	check(apierrors.IsForbidden(err), fmt.Sprint("refused: ", err))
	cm := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: ns, Name: "a"}
	eventually(ctx, "child", func() bool { return c.Get(ctx, key, cm) == nil })
	check(metav1.IsControlledBy(cm, a), "owner")
	must(c.Delete(ctx, cm, client.Preconditions{UID: &cm.UID}))
	old := cm.UID
	eventually(ctx, "child again", func() bool { return c.Get(ctx, key, cm) == nil && cm.UID != old })
	watcher.Stop()
	// cached read by index
	eventually(ctx, "index", func() bool {
		var l corev1.ConfigMapList
		return mgr.GetClient().List(ctx, &l, client.MatchingFields{"of": "a"}) == nil && len(l.Items) == 1
	})
	eventually(ctx, "status", func() bool {
		must(c.Get(ctx, key, a))
		n, _, _ := unstructured.NestedInt64(a.Object, "status", "replicas")
		return n == 1
	})
	gen := a.GetGeneration()
	// scale subresource through client
	scale := &unstructured.Unstructured{}
	scale.SetGroupVersionKind(schema.GroupVersionKind{Group: "autoscaling", Version: "v1", Kind: "Scale"})
	must(c.SubResource("scale").Get(ctx, a, scale))
	sel, _, _ := unstructured.NestedString(scale.Object, "status", "selector")
	check(sel == "app=toy", fmt.Sprintf("scale %#v", scale))
	must(unstructured.SetNestedField(scale.Object, int64(3), "spec", "replicas"))
	must(c.SubResource("scale").Update(ctx, a, client.WithSubResourceBody(scale)))
	must(c.Get(ctx, key, a))
	check(a.GetGeneration() == gen+1, "generation")
	// optimistic lock
	stale := a.DeepCopy()
	b := a.DeepCopy()
	b.SetAnnotations(map[string]string{"x": "y"})
	must(c.Patch(ctx, b, client.MergeFromWithOptions(a, client.MergeFromWithOptimisticLock{})))
	stale2 := stale.DeepCopy()
	stale2.SetAnnotations(map[string]string{"x": "z"})
	err = c.Patch(ctx, stale2, client.MergeFromWithOptions(stale, client.MergeFromWithOptimisticLock{}))
	check(apierrors.IsConflict(err), fmt.Sprint(err))
	// SSA main + status
	ap := toy(ns, "a")
	ap.Object["spec"] = map[string]any{"colour": "red"}
	must(c.Patch(ctx, ap, client.Apply, client.FieldOwner("ssa"), client.ForceOwnership))
	st := toy(ns, "a")
	delete(st.Object, "spec")
	st.Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": "True", "reason": "R", "message": "m", "lastTransitionTime": "2024-01-01T00:00:00Z"}}}
	must(c.Status().Patch(ctx, st, client.Apply, client.FieldOwner("ssa"), client.ForceOwnership))
	st2 := toy(ns, "a")
	delete(st2.Object, "spec")
	st2.Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Live", "status": "True"}}}
	must(c.Status().Patch(ctx, st2, client.Apply, client.FieldOwner("other")))
	cs, _, _ := unstructured.NestedSlice(st2.Object, "status", "conditions")
	check(len(cs) == 2, fmt.Sprint("conditions ", cs))
	ap = toy(ns, "a")
	ap.Object["spec"] = map[string]any{"colour": "blue"}
	err = c.Patch(ctx, ap, client.Apply, client.FieldOwner("third"))
	check(apierrors.IsConflict(err), fmt.Sprint(err))
	// selectable fields
	lst := &unstructured.UnstructuredList{}
	lst.SetGroupVersionKind(gvk.GroupVersion().WithKind("ToyList"))
	must(c.List(ctx, lst, client.MatchingFields{"spec.colour": "red"}, client.InNamespace(ns)))
	check(len(lst.Items) == 1, "selectable")
	err = c.List(ctx, lst, client.MatchingFields{"spec.shape": "red"}, client.InNamespace(ns))
	check(apierrors.IsBadRequest(err), "unselectable")
	// dry run, field validation, namespaced
	dry := client.NewDryRunClient(c)
	must(dry.Create(ctx, toy(ns, "dry")))
	check(apierrors.IsNotFound(c.Get(ctx, client.ObjectKey{Namespace: ns, Name: "dry"}, toy("", ""))), "dry")
	strict := client.WithFieldValidation(c, metav1.FieldValidationStrict)
	bad := toy(ns, "bad")
	bad.Object["spec"] = map[string]any{"shape": "x"}
	err = strict.Create(ctx, bad)
	check(apierrors.IsBadRequest(err), fmt.Sprint("strict ", err))
	bad.Object["spec"] = map[string]any{"colour": "green"}
	err = c.Create(ctx, bad)
	check(apierrors.IsInvalid(err), "enum")
	// pod & token & eviction subresources
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "p"}, Spec: corev1.PodSpec{SchedulerName: "by-hand", Containers: []corev1.Container{{Name: "c", Image: "x"}}}}
	must(c.Create(ctx, pod))
	must(c.SubResource("binding").Create(ctx, pod, &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: ns}, Target: corev1.ObjectReference{Kind: "Node", Name: "nowhere"}}))
	must(c.Get(ctx, client.ObjectKeyFromObject(pod), pod))
	check(pod.Spec.NodeName == "nowhere", "bound")
	must(c.Delete(ctx, pod, client.GracePeriodSeconds(0)))
	// events
	eventually(ctx, "event", func() bool {
		var l corev1.EventList
		must(c.List(ctx, &l, client.InNamespace(ns), client.MatchingFields{"involvedObject.name": "a", "reason": "Made"}))
		var n eventsv1.EventList
		must(c.List(ctx, &n, client.InNamespace(ns), client.MatchingFields{"regarding.name": "a"}))
		return len(l.Items) > 0 && len(n.Items) > 0
	})
	// paging
	for i := range 5 {
		must(c.Create(ctx, toy(ns, fmt.Sprint("t", i))))
	}
	seen := 0
	cont := ""
	for {
		must(c.List(ctx, lst, client.InNamespace(ns), client.Limit(2), client.Continue(cont)))
		seen += len(lst.Items)
		if cont = lst.GetContinue(); cont == "" {
			break
		}
	}
	check(seen == 6, fmt.Sprint("seen ", seen))
	must(c.DeleteAllOf(ctx, toy(ns, ""), client.InNamespace(ns), client.MatchingLabels{"hooked": "CREATE"}, client.PropagationPolicy(metav1.DeletePropagationForeground)))
	eventually(ctx, "all gone", func() bool { must(c.List(ctx, lst, client.InNamespace(ns))); return len(lst.Items) == 0 })
	eventually(ctx, "children gone", func() bool {
		return apierrors.IsNotFound(c.Get(ctx, key, cm))
	})
	fmt.Println("all well")
}
