package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/pflag"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/cli/flag"
	kas "k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// runAPIServer serves on the listener, and calls serving as soon as it does.
func runAPIServer(
	ctx context.Context, args []string, listener net.Listener, serving func(*rest.Config),
) error {
	opts := options.NewServerRunOptions()
	if err := parse("kube-apiserver", opts.Flags(), args); err != nil {
		return err
	}
	opts.SecureServing.Listener = listener
	opts.SecureServing.BindPort = listener.Addr().(*net.TCPAddr).Port
	completed, err := opts.Complete(ctx)
	if err != nil {
		return err
	}
	if problems := completed.Validate(); len(problems) != 0 {
		return errors.NewAggregate(problems)
	}
	config, err := kas.NewConfig(completed)
	if err != nil {
		return err
	}
	chain, err := config.Complete()
	if err != nil {
		return err
	}
	aggregator, err := kas.CreateServerChain(chain)
	if err != nil {
		return err
	}
	generic := aggregator.GenericAPIServer
	generic.AddPostStartHookOrDie("kspec", func(hook server.PostStartHookContext) error {
		go serving(hook.LoopbackClientConfig)
		return nil
	})
	generic.Handler.FullHandlerChain = letControllersStart(generic.Handler.FullHandlerChain)
	prepared, err := aggregator.PrepareRun()
	if err != nil {
		return err
	}
	return prepared.Run(ctx)
}

// letControllersStart answers the controller manager's one question before it starts, /healthz,
// with what it needs to know: that the server serves. /healthz itself is not green before the
// roles are there, a second later, and is asked in steps of a second; the controller manager is
// in system:masters and needs no roles.
func letControllersStart(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" && strings.HasSuffix(r.UserAgent(), "/shared-informers") {
			r.URL.Path = "/livez/ping"
		}
		next.ServeHTTP(w, r)
	})
}

// waitForWrites returns when an object can be created in the default namespace.
func waitForWrites(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	probe := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{GenerateName: "kspec-"}}
	dry := meta.CreateOptions{DryRun: []string{meta.DryRunAll}}
	var last error
	err = wait.PollUntilContextTimeout(ctx, 5*time.Millisecond, time.Minute, true,
		func(ctx context.Context) (bool, error) {
			_, last = client.CoreV1().ConfigMaps(meta.NamespaceDefault).Create(ctx, probe, dry)
			return last == nil, nil
		})
	if err != nil {
		return fmt.Errorf("no write succeeds: %w", last)
	}
	return nil
}

func parse(name string, sets flag.NamedFlagSets, args []string) error {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	return flags.Parse(args)
}
