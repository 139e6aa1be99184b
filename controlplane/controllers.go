package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	kcmoptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	"k8s.io/utils/clock"
	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	kwokclient "sigs.k8s.io/kwok/pkg/client/clientset/versioned"
	"sigs.k8s.io/kwok/pkg/config"
	"sigs.k8s.io/kwok/pkg/kwok/controllers"
	"sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/client"
	"sigs.k8s.io/kwok/pkg/utils/slices"
)

func runControllerManager(ctx context.Context, args []string) error {
	all, disabled, aliases := kcm.KnownControllers(), kcm.ControllersDisabledByDefault(), kcm.ControllerAliases()
	opts, err := kcmoptions.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	flags := opts.Flags(all, disabled, aliases)
	opts.ParsedFlags = &flags
	if err := parse("kube-controller-manager", flags, args); err != nil {
		return err
	}
	config, err := opts.Config(ctx, all, disabled, aliases)
	if err != nil {
		return err
	}
	return kcm.Run(ctx, config.Complete())
}

type kwokConfig struct {
	Kubeconfig string `json:"kubeconfig"`
	// Stages is the path of a file of Stage documents.
	Stages string `json:"stages"`
	// NodeSelector selects the nodes to play, by annotation.
	NodeSelector string `json:"nodeSelector"`
	// CIDR is where the fake pods' addresses come from.
	CIDR string `json:"cidr"`
	// LeaseSeconds is the duration of the nodes' leases.
	LeaseSeconds uint `json:"leaseSeconds"`
}

// runFakeNodes runs KWOK's controllers and nothing else of KWOK: no server, so that nothing can be
// executed, read or forwarded through it, none of its custom resources, no file of the user's.
func runFakeNodes(ctx context.Context, c kwokConfig) error {
	ctx = log.NewContext(ctx, log.NewLogger(os.Stderr, log.LevelWarn))
	objects, err := config.Load(ctx, c.Stages)
	if err != nil {
		return err
	}
	stages := slices.GroupBy(config.FilterWithType[*internalversion.Stage](objects),
		func(stage *internalversion.Stage) internalversion.StageResourceRef { return stage.Spec.ResourceRef })
	if len(stages) == 0 {
		return fmt.Errorf("no stages in %s", c.Stages)
	}
	settings, err := kwokSettings(c, stages)
	if err != nil {
		return err
	}
	controller, err := controllers.NewController(settings)
	if err != nil {
		return err
	}
	if err := controller.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func kwokSettings(
	c kwokConfig, stages map[internalversion.StageResourceRef][]*internalversion.Stage,
) (settings controllers.Config, err error) {
	clients, err := client.NewClientset("", c.Kubeconfig)
	if err != nil {
		return settings, err
	}
	restConfig, err := clients.ToRESTConfig()
	if err != nil {
		return settings, err
	}
	settings = controllers.Config{
		Clock: clock.RealClock{}, ID: "kspec", CIDR: c.CIDR, LocalStages: stages,
		NodeIP: "127.0.0.1", ManageNodesWithAnnotationSelector: c.NodeSelector,
		NodeLeaseDurationSeconds: c.LeaseSeconds, NodeLeaseParallelism: 4,
		PodPlayStageParallelism: 4, NodePlayStageParallelism: 4, PodsOnNodeSyncParallelism: 1,
		ImpersonatingDynamicClient: clients.ToImpersonatingDynamicClient(),
		ImpersonatingTypedClient:   clients.ToImpersonatingTypedClient(),
	}
	if settings.DynamicClient, err = clients.ToDynamicClient(); err != nil {
		return settings, err
	}
	if settings.RESTMapper, err = clients.ToRESTMapper(); err != nil {
		return settings, err
	}
	if settings.RESTClient, err = rest.RESTClientFor(restConfig); err != nil {
		return settings, err
	}
	if settings.TypedClient, err = kubernetes.NewForConfig(restConfig); err != nil {
		return settings, err
	}
	settings.TypedKwokClient, err = kwokclient.NewForConfig(restConfig)
	return settings, err
}

func createNodes(ctx context.Context, config *rest.Config, nodes []json.RawMessage) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	for _, text := range nodes {
		node, err := decode[core.Node](text)
		if err != nil {
			return err
		}
		if _, err := client.CoreV1().Nodes().Create(ctx, node, meta.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}
