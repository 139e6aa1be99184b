package main

import (
	"context"

	"k8s.io/component-base/configz"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
	_ "sigs.k8s.io/scheduler-plugins/apis/config/scheme"
	"sigs.k8s.io/scheduler-plugins/pkg/coscheduling"
)

type schedulerConfig struct {
	// Plain and Gang are paths of KubeSchedulerConfiguration files: Gang has the profile that
	// binds the pods of a PodGroup all together or not at all.
	Plain string `json:"plain"`
	Gang  string `json:"gang"`
}

const podGroups = "podgroups.scheduling.x-k8s.io"

var coschedulingPlugin = scheduler.WithPlugin(coscheduling.Name, coscheduling.New)

// runScheduler runs a scheduler with the coscheduling profile exactly while the PodGroup resource
// is there: with the profile and without the resource it would bind no pod at all. One scheduler is
// replaced by the next, as two side by side would give away the same room twice.
func runScheduler(ctx context.Context, c schedulerConfig, gangs <-chan bool) error {
	for gang := false; ; {
		file := c.Plain
		if gang {
			file = c.Gang
		}
		running, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- scheduleWith(running, file) }()
		emit("scheduler", map[string]any{"gang": gang})
		select {
		case err := <-ended:
			stop()
			return err
		case gang = <-gangs:
			stop()
			<-ended
			configz.Delete("componentconfig") // as the scheduler calls its configuration there
		}
	}
}

func scheduleWith(ctx context.Context, file string) error {
	opts := options.NewOptions()
	if err := parse("kube-scheduler", *opts.Flags, []string{"--config=" + file, "--secure-port=0"}); err != nil {
		return err
	}
	completed, instance, err := scheduler.Setup(ctx, opts, coschedulingPlugin)
	if err != nil {
		return err
	}
	return scheduler.Run(ctx, completed, instance)
}
