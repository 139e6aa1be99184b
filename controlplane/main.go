// Command kspec-controlplane is a whole Kubernetes control plane in one program.
//
// Called as `up` it runs etcd, the API server, the controller manager, the scheduler and KWOK in
// one process. By any other name it is the upstream program of that name; KWOK's own program is
// left out, as its server runs commands on this machine.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	helm "helm.sh/helm/v4/pkg/cmd"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	kas "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

var programs = map[string]func(){
	"up":                      up,
	"kube-apiserver":          func() { os.Exit(cli.Run(kas.NewAPIServerCommand())) },
	"kube-controller-manager": func() { os.Exit(cli.Run(kcm.NewControllerManagerCommand())) },
	"kube-scheduler":          func() { os.Exit(cli.Run(scheduler.NewSchedulerCommand(coschedulingPlugin))) },
	"kubectl":                 runKubectl,
	"helm":                    runHelm,
}

func main() {
	name := filepath.Base(os.Args[0])
	if programs[name] == nil && len(os.Args) > 1 {
		// The programs read os.Args themselves, before any flag is parsed.
		name, os.Args = os.Args[1], os.Args[1:]
	}
	program := programs[name]
	if program == nil {
		fmt.Fprintln(os.Stderr, "usage: kspec-controlplane up | kubectl | helm |"+
			" kube-apiserver | kube-controller-manager | kube-scheduler [ARGUMENT...]")
		os.Exit(2)
	}
	program()
}

func runKubectl() {
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
}

func runHelm() {
	command, err := helm.NewRootCmd(os.Stdout, os.Args[1:], helm.SetupLogging)
	exitOn("helm", err)
	if err := command.Execute(); err != nil {
		os.Exit(1) // helm has said why
	}
}

func exitOn(component string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "kspec-controlplane: %s: %v\n", component, err)
		os.Exit(1)
	}
}
