// SPDX-License-Identifier: Apache-2.0

// The Go implementation of yamux at the other end of a socket, for the test of our own: descriptor
// 3 is the socket, the argument what to do there.
package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/hashicorp/yamux"
)

const streams = 4
const size = 8 << 20

func fail(what string) {
	fmt.Fprintln(os.Stderr, "Go peer:", what)
	os.Exit(1)
}

func check(err error, what string) {
	if err != nil {
		fail(what + ": " + err.Error())
	}
}

func expect(found, expected error, what string) {
	if !errors.Is(found, expected) {
		fail(fmt.Sprint(what, ": expected ", expected, ", found ", found))
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

// A stream of ours with these first bytes.
func open(session *yamux.Session, data string) net.Conn {
	stream, err := session.Open()
	check(err, "open")
	_, err = stream.Write([]byte(data))
	check(err, "first bytes")
	return stream
}

// Reads to the end of the stream.
func expectRest(stream net.Conn, expected string) {
	data, err := io.ReadAll(stream)
	check(err, "read to the end")
	if string(data) != expected {
		fail(fmt.Sprintf("expected %q, found %q", expected, data))
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

// Opens streams to an end that gives back what comes.
func exchanges(session *yamux.Session) {
	_, err := session.Ping()
	check(err, "ping")
	done := make(chan error)
	for i := 0; i < streams; i++ {
		go func(seed byte) { done <- exchange(session, seed) }(byte(i))
	}
	for i := 0; i < streams; i++ {
		check(<-done, "exchange")
	}
	_, err = session.Ping()
	check(err, "ping")
}

// Streams that end by a reset: one of the other end's, one of ours, which is what becomes of a
// stream that we have closed and the other end does not.
func resets(session *yamux.Session, config *yamux.Config) {
	stream := open(session, "reset me")
	_, err := stream.Read(make([]byte, 1))
	expect(err, yamux.ErrConnectionReset, "a stream that the other end resets")

	config.StreamCloseTimeout = 50 * time.Millisecond
	stream = open(session, "to be reset")
	check(stream.Close(), "close")
	_, err = session.Accept() // the other end has seen it
	check(err, "accept after a reset")
}

// Takes leave: the other end opens no stream any more, but those that are open go on.
func leave(session *yamux.Session) {
	stream, err := session.Open()
	check(err, "open")
	check(session.GoAway(), "go away")
	_, err = stream.Write([]byte("left"))
	check(err, "write after the go-away")
	expectRest(stream, "good-bye")
	check(stream.Close(), "close")
}

// The other end takes leave.
func isLeft(session *yamux.Session) {
	stream, err := session.Accept()
	check(err, "accept")
	expectRest(stream, "left")
	_, err = session.Open()
	expect(err, yamux.ErrRemoteGoAway, "open after the other end's go-away")
	_, err = stream.Write([]byte("good-bye"))
	check(err, "write after the other end's go-away")
	check(stream.Close(), "close")
	serve(session) // until the other end closes the connection
}

func main() {
	connection, err := net.FileConn(os.NewFile(3, "socket"))
	check(err, "socket")
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard
	role, start := os.Args[1], yamux.Client
	if role == "serve" || role == "is-left" {
		start = yamux.Server
	}
	session, err := start(connection, config)
	check(err, "session")
	switch role {
	case "serve":
		serve(session)
	case "is-left":
		isLeft(session)
	case "exchange":
		exchanges(session)
	case "reset":
		resets(session, config)
	case "leave":
		leave(session)
	default:
		fail("unknown role " + role)
	}
	session.Close()
}
