"""The service on several machines: two servers behind a plain TCP relay, three workers, the ledger in PostgreSQL, files in a bucket.

FIELDSTONE_PEERS names the program that has the last two (`cargo build -p fieldstone-engine --example peers`)."""
import itertools
import json
import os
import socket
import subprocess
import sys
import threading

from harness import Server, end

HEADS = 2
WORKERS = 3


class Cluster(Server):
    """What a client takes for one server. All jobs run at workers."""

    def __enter__(self):
        self.peers = subprocess.Popen([os.environ["FIELDSTONE_PEERS"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        variables = json.loads(self.peers.stdout.readline())
        if variables is None:
            print("left out: no PostgreSQL is installed (Debian: apt-get install postgresql)")
            sys.exit()
        self.environment.update(variables, FIELDSTONE_CONCURRENT_JOBS="0")
        super().__enter__()
        heads = [(self.process, self.url)] + [self.serve() for _ in range(HEADS - 1)]
        self.url = relay([url for _, url in heads])
        self.processes = [self.work() for _ in range(WORKERS)] + [process for process, _ in heads[1:]]
        return self

    def work(self):
        """Starts a worker. Returns its process."""
        token = self.path("worker.token", self.token("--worker"))
        command = [self.binary, "worker", "--server", self.url, "--token-file", token, "--scratch", self.folder.name]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL, env=self.environment)

    def __exit__(self, *_):
        for process in self.processes:
            end(process)
        super().__exit__()
        self.peers.communicate()


def relay(urls):
    """Hands each connection to one of these servers in turn, byte by byte, as long as this process lives. Returns its own URL."""
    turns = itertools.cycle([int(url.rstrip("/").rsplit(":", 1)[1]) for url in urls])
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # One side is gone, so the other is not needed either.
            for each in (source, sink):
                each.close()

    def serve():
        while True:
            client = listener.accept()[0]
            head = socket.create_connection(("127.0.0.1", next(turns)))
            for pair in ((client, head), (head, client)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return "http://127.0.0.1:{}/".format(listener.getsockname()[1])
