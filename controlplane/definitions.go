package main

import (
	"context"
	"fmt"
	"time"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crds "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// backdated is long before the two seconds for which a new definition's first objects must wait.
const backdated = "2020-01-01T00:00:00Z"

// definitionEvents tell when any custom resource begins or ends to be served, and when the PodGroup
// resource begins (true) and ends to be.
type definitionEvents struct {
	any   chan struct{}
	gangs chan bool
}

// watchDefinitions backdates each custom resource definition as soon as it is established, so that
// it can be used at once, and tells those who must know of it.
func watchDefinitions(ctx context.Context, config *rest.Config) (*definitionEvents, error) {
	client, err := crds.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	events, served := &definitionEvents{make(chan struct{}, 1), make(chan bool, 1)}, map[string]bool{}
	seen := func(object any, there bool) { // the informer calls one handler at a time
		crd := object.(*apiextensions.CustomResourceDefinition)
		at := establishedAt(crd)
		if now := there && at >= 0; now != served[crd.Name] {
			served[crd.Name] = now
			if crd.Name == podGroups {
				events.gangs <- now
			}
			select {
			case events.any <- struct{}{}:
			default: // one is waiting already
			}
		}
		if there && at >= 0 && time.Since(crd.Status.Conditions[at].LastTransitionTime.Time) < time.Minute {
			backdate(ctx, client, crd.Name, at)
		}
	}
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: cache.NewListWatchFromClient(client.ApiextensionsV1().RESTClient(),
			"customresourcedefinitions", "", fields.Everything()),
		ObjectType: &apiextensions.CustomResourceDefinition{},
		Transform: func(object any) (any, error) { // schemas are large
			if crd, ok := object.(*apiextensions.CustomResourceDefinition); ok {
				crd.Spec, crd.ManagedFields = apiextensions.CustomResourceDefinitionSpec{}, nil
			}
			return object, nil
		},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { seen(object, true) },
			UpdateFunc: func(_, object any) { seen(object, true) },
			DeleteFunc: func(object any) {
				if missed, ok := object.(cache.DeletedFinalStateUnknown); ok {
					object = missed.Obj
				}
				seen(object, false)
			},
		},
	})
	go informer.RunWithContext(ctx)
	return events, nil
}

func backdate(ctx context.Context, client crds.Interface, name string, at int) {
	path := fmt.Sprintf("/status/conditions/%d", at)
	patch := fmt.Sprintf(`[{"op": "test", "path": "%s/type", "value": "Established"},
		{"op": "replace", "path": "%s/lastTransitionTime", "value": "%s"}]`, path, path, backdated)
	_, err := client.ApiextensionsV1().CustomResourceDefinitions().Patch(
		ctx, name, types.JSONPatchType, []byte(patch), meta.PatchOptions{}, "status")
	if err != nil { // it costs the first object two seconds, and nothing else
		klog.InfoS("A definition was not backdated", "name", name, "err", err)
	}
}

// establishedAt is the index of the condition Established if that is true, else -1.
func establishedAt(crd *apiextensions.CustomResourceDefinition) int {
	for at, condition := range crd.Status.Conditions {
		if condition.Type == apiextensions.Established && condition.Status == apiextensions.ConditionTrue {
			return at
		}
	}
	return -1
}
