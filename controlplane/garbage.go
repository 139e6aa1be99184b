package main

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
)

const (
	garbageWorkers = 20               // the controller manager's default
	calm           = 30 * time.Second // its period for looking for new resources
	alert          = 200 * time.Millisecond
	alertFor       = 3 * time.Second // discovery has a new definition sooner than that
)

// runGarbageCollector runs the controller manager's garbage collector, which learns of a new custom
// resource at once and not after up to 30 s: what belongs to an object whose definition is new goes
// when the object goes.
func runGarbageCollector(ctx context.Context, config *rest.Config, definitions <-chan struct{}) error {
	config = rest.AddUserAgent(config, "garbage-collector")
	config.QPS, config.Burst = 1000, 2000
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	objects, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	resources, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	started := make(chan struct{})
	close(started)
	collector, err := garbagecollector.NewGarbageCollector(ctx, client, objects,
		restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery())),
		garbagecollector.DefaultIgnoredResources(),
		metadataInformers{metadatainformer.NewSharedInformerFactory(objects, 0)}, started)
	if err != nil {
		return err
	}
	component("garbage collector", func() error {
		collector.Run(ctx, garbageWorkers, calm)
		return nil
	})
	period, settled := calm, (<-chan time.Time)(nil)
	for {
		syncing, stop := context.WithCancel(ctx)
		stopped := make(chan struct{})
		go func() {
			collector.Sync(syncing, resources, period) // at once, then every period
			close(stopped)
		}()
		select {
		case <-definitions:
			period, settled = alert, time.After(alertFor)
		case <-settled:
			period, settled = calm, nil
		}
		stop()
		<-stopped
	}
}

// metadataInformers watches nothing of objects but their metadata, which is all that is needed.
type metadataInformers struct {
	metadatainformer.SharedInformerFactory
}

func (f metadataInformers) ForResource(r schema.GroupVersionResource) (informers.GenericInformer, error) {
	return f.SharedInformerFactory.ForResource(r), nil
}
