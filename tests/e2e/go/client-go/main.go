// Uses the API through client-go, unmodified: the typed clientset, a shared informer that streams its list
// (WatchList, when KUBE_FEATURE_WatchListClient is true), leader election; bodies and answers in protobuf, which
// must say the same as JSON. Prints "all well".
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/util/retry"
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

func main() {
	namespace := os.Args[1]
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	must(err)
	plain := kubernetes.NewForConfigOrDie(config)
	if os.Getenv("PROTOBUF") != "" {
		config.ContentType = "application/vnd.kubernetes.protobuf"
		config.AcceptContentTypes = os.Getenv("PROTOBUF")
	}
	client := kubernetes.NewForConfigOrDie(config)
	maps := client.CoreV1().ConfigMaps(namespace)

	added, changed, deleted := make(chan string, 100), make(chan string, 100), make(chan string, 100)
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	informer := factory.Core().V1().ConfigMaps()
	_, err = informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { added <- obj.(*corev1.ConfigMap).Name },
		UpdateFunc: func(_, obj any) { changed <- obj.(*corev1.ConfigMap).Data["a"] },
		DeleteFunc: func(obj any) { deleted <- obj.(*corev1.ConfigMap).Name },
	})
	must(err)
	factory.Start(ctx.Done())
	for kind, isSynced := range factory.WaitForCacheSync(ctx.Done()) {
		check(isSynced, kind.String()+" was not synced")
	}

	made, err := maps.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "go-", Labels: map[string]string{"by": "go"}},
		Data:       map[string]string{"a": "1"},
	}, metav1.CreateOptions{})
	must(err)
	wait(ctx, added, made.Name)
	must(retry.RetryOnConflict(retry.DefaultRetry, func() error {
		current, err := maps.Get(ctx, made.Name, metav1.GetOptions{})
		must(err)
		current.Data["a"] = "2"
		_, err = maps.Update(ctx, current, metav1.UpdateOptions{})
		return err
	}))
	wait(ctx, changed, "2")
	_, err = maps.Update(ctx, made, metav1.UpdateOptions{})
	check(apierrors.IsConflict(err), "a stale update is a conflict")
	_, err = maps.Patch(ctx, made.Name, types.StrategicMergePatchType, []byte(`{"data":{"a":"3"}}`), metav1.PatchOptions{})
	must(err)
	wait(ctx, changed, "3")
	applied, err := maps.Apply(ctx, applycorev1.ConfigMap("go-applied", namespace).WithData(map[string]string{"x": "y"}),
		metav1.ApplyOptions{FieldManager: "go", Force: true})
	must(err)
	check(applied.ManagedFields[0].Manager == "go", "the apply names its manager")
	list, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "by=go", Limit: 1})
	must(err)
	check(len(list.Items) == 1 && list.Items[0].Name == made.Name, "the list has what was made")
	_, err = maps.Get(ctx, "none", metav1.GetOptions{})
	check(apierrors.IsNotFound(err), "nothing is not found")
	must(maps.Delete(ctx, made.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(made.UID))}))
	wait(ctx, deleted, made.Name)
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	must(err)
	check(len(nodes.Items) == 1 && nodes.Items[0].Status.NodeInfo.Architecture != "", "there is a node")

	sameInBoth(ctx, plain, client)
	sameMetadata(ctx, config, namespace)

	leading := make(chan struct{})
	electing, stop := context.WithCancel(ctx)
	lock, err := resourcelock.New("leases", namespace, "go", client.CoreV1(), client.CoordinationV1(),
		resourcelock.ResourceLockConfig{Identity: "me"})
	must(err)
	go leaderelection.RunOrDie(electing, leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: 4 * time.Second, RenewDeadline: 3 * time.Second, RetryPeriod: time.Second,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { close(leading) },
			OnStoppedLeading: func() {},
		},
	})
	select {
	case <-leading:
	case <-ctx.Done():
		panic("nobody was elected")
	}
	stop()
	fmt.Println("all well")
}

// sameInBoth: what the client of config says of the cluster is what the one of JSON says.
func sameInBoth(ctx context.Context, plain, client *kubernetes.Clientset) {
	lists := map[string]func(*kubernetes.Clientset) (any, error){
		"pods": func(c *kubernetes.Clientset) (any, error) { return c.CoreV1().Pods("").List(ctx, metav1.ListOptions{}) },
		"services": func(c *kubernetes.Clientset) (any, error) {
			return c.CoreV1().Services("").List(ctx, metav1.ListOptions{})
		},
		"secrets": func(c *kubernetes.Clientset) (any, error) {
			return c.CoreV1().Secrets("").List(ctx, metav1.ListOptions{})
		},
		"configmaps": func(c *kubernetes.Clientset) (any, error) {
			return c.CoreV1().ConfigMaps("").List(ctx, metav1.ListOptions{})
		},
		"namespaces": func(c *kubernetes.Clientset) (any, error) {
			return c.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
		},
		"accounts": func(c *kubernetes.Clientset) (any, error) {
			return c.CoreV1().ServiceAccounts("").List(ctx, metav1.ListOptions{})
		},
		"deployments": func(c *kubernetes.Clientset) (any, error) {
			return c.AppsV1().Deployments("").List(ctx, metav1.ListOptions{})
		},
		"replicasets": func(c *kubernetes.Clientset) (any, error) {
			return c.AppsV1().ReplicaSets("").List(ctx, metav1.ListOptions{})
		},
		"jobs": func(c *kubernetes.Clientset) (any, error) {
			return c.BatchV1().Jobs("").List(ctx, metav1.ListOptions{})
		},
		"cronjobs": func(c *kubernetes.Clientset) (any, error) {
			return c.BatchV1().CronJobs("").List(ctx, metav1.ListOptions{})
		},
		"clusterroles": func(c *kubernetes.Clientset) (any, error) {
			return c.RbacV1().ClusterRoles().List(ctx, metav1.ListOptions{})
		},
		"bindings": func(c *kubernetes.Clientset) (any, error) {
			return c.RbacV1().ClusterRoleBindings().List(ctx, metav1.ListOptions{})
		},
		"classes": func(c *kubernetes.Clientset) (any, error) {
			return c.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
		},
		"priorities": func(c *kubernetes.Clientset) (any, error) {
			return c.SchedulingV1().PriorityClasses().List(ctx, metav1.ListOptions{})
		},
		"slices": func(c *kubernetes.Clientset) (any, error) {
			return c.DiscoveryV1().EndpointSlices("").List(ctx, metav1.ListOptions{})
		},
		"networkpolicies": func(c *kubernetes.Clientset) (any, error) {
			return c.NetworkingV1().NetworkPolicies("").List(ctx, metav1.ListOptions{})
		},
		"ingresses": func(c *kubernetes.Clientset) (any, error) {
			return c.NetworkingV1().Ingresses("").List(ctx, metav1.ListOptions{})
		},
		"autoscalers": func(c *kubernetes.Clientset) (any, error) {
			return c.AutoscalingV2().HorizontalPodAutoscalers("").List(ctx, metav1.ListOptions{})
		},
		"budgets": func(c *kubernetes.Clientset) (any, error) {
			return c.PolicyV1().PodDisruptionBudgets("").List(ctx, metav1.ListOptions{})
		},
	}
	for name, list := range lists {
		for attempt := 0; ; attempt++ { // something may be written between the two
			wanted, err := list(plain)
			must(err)
			found, err := list(client)
			must(err)
			// a list has its own revision, which others move on
			a, b := meta(wanted), meta(found)
			if apiequality.Semantic.DeepEqual(a, b) {
				break
			}
			check(attempt < 20, fmt.Sprintf("%s differ:\n%#v\n%#v", name, a, b))
		}
	}
}

func meta(list any) runtime.Object {
	found := list.(runtime.Object)
	about, err := apimeta.ListAccessor(found)
	must(err)
	about.SetResourceVersion("")
	found.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	must(apimeta.EachListItem(found, func(item runtime.Object) error {
		item.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{}) // JSON repeats it in each item
		return nil
	}))
	return found
}

// sameMetadata: the metadata client, which asks for protobuf first, with an informer.
func sameMetadata(ctx context.Context, config *rest.Config, namespace string) {
	client := metadata.NewForConfigOrDie(config)
	maps := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	list, err := client.Resource(maps).Namespace(namespace).List(ctx, metav1.ListOptions{})
	must(err)
	check(len(list.Items) > 0 && list.Items[0].Namespace == namespace, fmt.Sprintf("metadata is listed: %#v", list))
	watch, err := client.Resource(maps).Namespace(namespace).Watch(ctx, metav1.ListOptions{})
	must(err)
	event := <-watch.ResultChan()
	check(event.Object.(*metav1.PartialObjectMetadata).Namespace == namespace, "metadata is watched")
	watch.Stop()
}

func wait(ctx context.Context, values chan string, wanted string) {
	for {
		select {
		case value := <-values:
			if value == wanted {
				return
			}
		case <-ctx.Done():
			panic("the informer did not see " + wanted)
		}
	}
}
