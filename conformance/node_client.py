"""The JavaScript client against a live server, a key per dialect: node_client.py BINARY FOLDER [NODE].

FOLDER holds the scripts of conformance/node and the packages that they need."""
import os
import subprocess
import sys

from harness import Server

DIALECTS = ("openapi", "sdk", "sdk-legacy")


def main():
    binary, folder, *node = sys.argv[1:]
    with Server(os.path.abspath(binary)) as server:
        keys = [f"{dialect}={server.token('--dialect', dialect)}" for dialect in DIALECTS]
        command = [*(node or ["node"]), os.path.join(folder, "every_method.mjs"), server.url, *keys]
        status = subprocess.run(command).returncode
        if status:
            sys.stderr.write("server log:\n" + "".join(server.log[-50:]))
    sys.exit(status)


if __name__ == "__main__":
    main()
