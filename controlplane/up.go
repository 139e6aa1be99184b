package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/apiserver/pkg/util/compatibility"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// upConfig is the one JSON document that `up` reads from its standard input.
type upConfig struct {
	// Files are written to the working directory, for this user only. In them and in the
	// arguments below, SERVER stands for the API server's address, which is known only here.
	Files             map[string]string `json:"files"`
	Etcd              etcdConfig        `json:"etcd"`
	APIServer         []string          `json:"apiServer"`
	ControllerManager []string          `json:"controllerManager"`
	Scheduler         schedulerConfig   `json:"scheduler"`
	KWOK              kwokConfig        `json:"kwok"`
	// Nodes are created as soon as the API server takes writes.
	Nodes []json.RawMessage `json:"nodes"`
	// GC is the garbage collector's target percentage once all has started.
	GC int `json:"gc"`
}

// While starting, GOGC is what the environment says, a large number; this bounds what it costs.
const startMemory = 400 << 20

const serverPlaceholder = "${SERVER}"

var events = struct {
	sync.Mutex
	to    *os.File
	start time.Time
}{to: os.Stdout, start: time.Now()}

// emit writes one event as a JSON line, with the seconds since the program started.
func emit(name string, fields map[string]any) {
	line := map[string]any{"event": name, "at": time.Since(events.start).Seconds()}
	for key, value := range fields {
		line[key] = value
	}
	text, _ := json.Marshal(line)
	events.Lock()
	defer events.Unlock()
	_, _ = events.to.Write(append(text, '\n'))
}

// fail ends the program: half a control plane is worth nothing.
func fail(component string, err error) {
	emit("failed", map[string]any{"component": component, "error": err.Error()})
	klog.Flush()
	exitOn(component, err)
}

func must(component string, err error) {
	if err != nil {
		fail(component, err)
	}
}

// component runs a part that must never end.
func component(name string, run func() error) {
	go func() {
		err := run()
		if err == nil {
			err = fmt.Errorf("ended")
		}
		fail(name, err)
	}()
}

// up runs everything until its standard input ends, which it does however the owner ends.
func up() {
	syscall.Umask(0o077)
	var stat syscall.Stat_t
	if syscall.Fstat(0, &stat) == nil && stat.Mode&syscall.S_IFMT == syscall.S_IFSOCK {
		events.to = os.Stdin // one socket both ways
	}
	input := json.NewDecoder(os.Stdin)
	var config upConfig
	must("configuration", input.Decode(&config))
	go func() {
		_, _ = io.Copy(io.Discard, input.Buffered())
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()

	debug.SetMemoryLimit(startMemory)
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	must("configuration", compatibility.DefaultComponentGlobalsRegistry.Set())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must("kube-apiserver", err)
	server := "https://" + listener.Addr().String()
	must("configuration", writeFiles(config.Files, server))

	ctx := context.Background()
	must("etcd", runEtcd(config.Etcd))
	emit("etcd", nil)
	component("kube-apiserver", func() error {
		return runAPIServer(ctx, config.APIServer, listener, func(client *rest.Config) {
			emit("listening", map[string]any{"server": server})
			startRest(ctx, config, client)
		})
	})
	select {}
}

// startRest starts what needs an API server.
func startRest(ctx context.Context, config upConfig, client *rest.Config) {
	component("kube-controller-manager", func() error {
		return runControllerManager(ctx, config.ControllerManager)
	})
	must("kube-apiserver", waitForWrites(ctx, client))
	emit("ready", nil)
	must("nodes", createNodes(ctx, client, config.Nodes))
	definitions, err := watchDefinitions(ctx, client)
	must("definitions", err)
	component("kube-scheduler", func() error {
		return runScheduler(ctx, config.Scheduler, definitions.gangs)
	})
	component("garbage collector", func() error {
		return runGarbageCollector(ctx, client, definitions.any)
	})
	component("kwok", func() error { return runFakeNodes(ctx, config.KWOK) })
	time.AfterFunc(10*time.Second, func() {
		debug.SetGCPercent(config.GC)
		debug.SetMemoryLimit(math.MaxInt64)
		debug.FreeOSMemory()
	})
}

func writeFiles(files map[string]string, server string) error {
	for name, text := range files {
		text = strings.ReplaceAll(text, serverPlaceholder, server)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func decode[T any](text []byte) (*T, error) {
	object := new(T)
	decoder := json.NewDecoder(bytes.NewReader(text))
	return object, decoder.Decode(object)
}
