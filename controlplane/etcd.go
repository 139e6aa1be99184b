package main

import (
	"errors"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
)

type etcdConfig struct {
	Directory string `json:"directory"`
	// Socket is relative to the working directory, a private one: a socket's path is short.
	Socket string `json:"socket"`
	// Durable clusters sync every write to the disk; throw-away ones need not.
	Durable bool `json:"durable"`
}

// walSegment is enough for some thousand writes. The default of 64 MB is allocated at the start,
// and the data of throw-away clusters lies in memory.
const walSegment = 4 << 20

// runEtcd returns when etcd serves. It listens on a socket in the private directory and nowhere else.
func runEtcd(c etcdConfig) error {
	wal.SegmentSizeBytes = walSegment
	config := embed.NewConfig()
	config.Dir = c.Directory
	config.ListenClientUrls = []url.URL{{Scheme: "unix", Host: c.Socket}}
	config.ListenPeerUrls = []url.URL{}
	// One member needs no peers; etcd wants an address to advertise all the same.
	nowhere := url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	config.AdvertiseClientUrls = []url.URL{nowhere}
	config.AdvertisePeerUrls = []url.URL{nowhere}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.UnsafeNoFsync = !c.Durable
	config.TickMs, config.ElectionMs = 10, 100
	config.EnableGRPCGateway = false
	config.LogLevel = "error"
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	select {
	case <-etcd.Server.ReadyNotify():
	case <-time.After(30 * time.Second):
		return errors.New("not ready after 30 s")
	}
	component("etcd", func() error { return <-etcd.Err() })
	return nil
}
