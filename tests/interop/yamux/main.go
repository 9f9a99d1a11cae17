// SPDX-License-Identifier: Apache-2.0

// The Go implementation of yamux at the other end of a socket, for the test of our own: descriptor
// 3 is the socket, the argument the role.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/hashicorp/yamux"
)

const streams = 4
const size = 8 << 20

func check(err error, what string) {
	if err != nil {
		fmt.Fprintln(os.Stderr, what+":", err)
		os.Exit(1)
	}
}

// Gives back what comes, until the other end has finished; then finishes, too.
func echo(stream net.Conn) {
	io.Copy(stream, stream)
	stream.Close()
}

func serve(session *yamux.Session) {
	for {
		stream, err := session.Accept()
		if err != nil {
			return // the other end has gone
		}
		go echo(stream)
	}
}

// Sends so many bytes, finishes, and expects the same back.
func exchange(session *yamux.Session, seed byte) error {
	stream, err := session.Open()
	if err != nil {
		return err
	}
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i*31) + byte(i>>13) + seed
	}
	go func() {
		stream.Write(data)
		stream.Close() // our half
	}()
	hash := sha256.New()
	count, err := io.Copy(hash, stream)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(data); count != size || string(hash.Sum(nil)) != string(sum[:]) {
		return fmt.Errorf("other bytes came back, %d", count)
	}
	return nil
}

func ask(session *yamux.Session) {
	_, err := session.Ping()
	check(err, "ping")
	done := make(chan error)
	for i := 0; i < streams; i++ {
		go func(seed byte) { done <- exchange(session, seed) }(byte(i))
	}
	for i := 0; i < streams; i++ {
		check(<-done, "stream")
	}
	check(session.GoAway(), "go away")
}

func main() {
	connection, err := net.FileConn(os.NewFile(3, "socket"))
	check(err, "socket")
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard
	if os.Args[1] == "server" {
		session, err := yamux.Server(connection, config)
		check(err, "session")
		serve(session)
		return
	}
	session, err := yamux.Client(connection, config)
	check(err, "session")
	ask(session)
	session.Close()
}
