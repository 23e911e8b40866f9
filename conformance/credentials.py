"""Client credentials with the unmodified client, over TLS with a certificate that the server made: credentials.py BINARY."""
import os
import subprocess

from harness import Server, check, main, refused


class TlsServer(Server):
    """Also serves TLS on a free port, and knows a client."""

    options = ["--tls-listen", "127.0.0.1:0"]

    def __enter__(self):
        super().__enter__()
        line = next(l for l in self.log if l.startswith("TLS on https://"))
        address, self.ca = line.strip().removeprefix("TLS on https://127.0.0.1:").split(", trust ")
        self.auth_domain = "localhost:" + address
        # Read by every request of this process from now on; the base URL stays plain HTTP.
        os.environ["REQUESTS_CA_BUNDLE"] = self.ca
        return self

    def credentials(self, *options):
        """A new client's id and secret."""
        command = [self.binary, "clients", "create", "--name", "conformance", "--data", self.data, *options]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        return dict(line.split("=", 1) for line in lines)


def client(server, **options):
    from metafold import MetafoldClient
    return MetafoldClient(**options, base_url=server.url, auth_domain=server.auth_domain)


@check
def token(t):
    """a client's id and secret are enough."""
    t.credentials = t.server.credentials(*DIALECT)
    t.client = client(t.server, **t.credentials)
    project = t.client.projects.create("Parts")
    t.client.set_project_id(project.id)
    asset = t.client.assets.create(t.server.path("part.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"))
    assert [a.id for a in t.client.assets.list()] == [asset.id]


@check
def the_same_user(t):
    """two clients see the same projects."""
    other = client(t.server, **t.server.credentials(*DIALECT))
    assert [p.name for p in other.projects.list()] == ["Parts"]


@check
def scopes(t):
    """a client without a scope is refused what needs it."""
    reader = client(t.server, **t.server.credentials("--scope", "projects:read", *DIALECT))
    assert [p.name for p in reader.projects.list()] == ["Parts"]
    refused(lambda: reader.projects.create("Mine"), "token lacks the scope projects:write")


@check
def wrong_secret(t):
    """a wrong secret is refused by name."""
    wrong = {**t.credentials, "client_secret": "wrong"}
    try:
        client(t.server, **wrong).projects.list()
    except Exception as error:  # auth0-python's own kind
        assert "secret" in str(error), repr(error)
    else:
        raise AssertionError("it was let in")


@check
def revoked(t):
    """a revoked client buys no more tokens."""
    name = t.credentials["client_id"]
    subprocess.run([t.server.binary, "clients", "revoke", name, "--data", t.server.data], check=True)
    try:
        client(t.server, **t.credentials).projects.list()
    except Exception as error:
        assert "revoked" in str(error), repr(error)
    else:
        raise AssertionError("it was let in")


if __name__ == "__main__":
    from importlib.metadata import version
    release = tuple(int(n) for n in version("metafold").split(".")[:2])
    DIALECT = ["--dialect", "sdk-legacy"] if release < (0, 8) else []
    main(lambda url, token: None, kind=TlsServer)
