"""The guide's tutorials, run as they stand: tutorials.py BINARY.

Of a tutorial's code blocks, in their order: `sh` is run by bash, `sh serve` stays until the tutorial's end, `sh view` prints a link that is
followed, and ends by Ctrl-C; `python` is run in one namespace; `text` is what the block before it printed, where … stands for anything;
`json NAME` and the like are files. `console` is for people and installs what is here already."""
import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, "docs", "tutorials")
sys.path.insert(0, os.path.join(ROOT, "python"))
#: Where the tutorials' servers listen; the tests' ones take a free port.
ADDRESS = "127.0.0.1:8080"
FILES = {"json", "yaml", "toml"}


def blocks(text):
    """(words behind the fence, content) of each code block."""
    for info, content in re.findall(r"^```(\w[^\n]*)\n(.*?)^```$", text, re.M | re.S):
        yield info.split(), content


def agrees(expected, printed):
    """Whether a text is what was expected, where … is anything on a line."""
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern, printed.strip()) is not None


class Run:
    """One tutorial in a folder of its own."""

    def __init__(self, binary, folder):
        self.folder, self.servers, self.exports, self.names = folder, [], [], {}
        self.address = ADDRESS
        commands = os.path.join(folder, "bin")
        os.mkdir(commands)
        os.symlink(os.path.abspath(binary), os.path.join(commands, "fieldstone"))
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("FIELDSTONE_")}
        self.environment.update(FIELDSTONE_LISTEN="127.0.0.1:0", XDG_CONFIG_HOME=folder, HOME=folder)
        self.environment["PATH"] = os.pathsep.join([commands, os.path.dirname(sys.executable), os.environ["PATH"]])
        # A desktop's browser would be opened otherwise.
        with open(os.path.join(commands, "xdg-open"), "w") as file:
            file.write("#!/bin/sh\n")
        os.chmod(file.name, 0o755)
        self.work = os.path.join(folder, "work")
        os.mkdir(self.work)
        os.symlink(os.path.join(ROOT, "testdata", "parts", "bracket.stl"), os.path.join(self.work, "part.stl"))

    def start(self, script, **pipes):
        lines = "\n".join([*self.exports, script]).replace(ADDRESS, self.address)
        command = ["bash", "-euo", "pipefail", "-c", lines]
        return subprocess.Popen(command, cwd=self.work, env=self.environment, text=True, stdin=subprocess.DEVNULL, **pipes)

    def sh(self, script):
        process = self.start(script, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate()
        assert process.returncode == 0, f"exit code {process.returncode} of:\n{script}{out}{err}"
        self.exports += [line for line in script.splitlines() if line.startswith("export ")]
        return out

    def serve(self, script):
        server = self.start("exec " + script, stderr=subprocess.PIPE)
        self.servers.append(server)
        log = []
        for line in server.stderr:
            log.append(line)
            if "listening on http://" in line:
                self.address = line.split("http://", 1)[1].split()[0].rstrip("/")
                self.environment["FIELDSTONE_SERVER"] = f"http://{self.address}"
                threading.Thread(target=server.stderr.read, daemon=True).start()
                return ""
        raise AssertionError("it does not serve:\n" + "".join(log))

    def view(self, script):
        viewer = self.start("exec " + script, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        link = viewer.stdout.readline().strip()
        assert link.startswith("http://127.0.0.1:"), f"{script}{link}{viewer.stderr.read() if not link else ''}"
        assert urllib.request.urlopen(link.split("#")[0]).status == 200
        viewer.send_signal(signal.SIGINT)
        _, err = viewer.communicate()
        assert viewer.returncode == 0, f"exit code {viewer.returncode} of {script}{err}"
        return link

    def python(self, source):
        printed = io.StringIO()
        before = os.getcwd()
        os.chdir(self.work)
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile(source.replace(ADDRESS, self.address), "tutorial", "exec"), self.names)
        finally:
            os.chdir(before)
        return printed.getvalue()

    def through(self, text):
        printed, ran = "", 0
        for words, content in blocks(text):
            ran += 1
            if words[0] == "text":
                assert agrees(content, printed), f"expected\n{content}got\n{printed}"
            elif words[0] in FILES and len(words) == 2:
                with open(os.path.join(self.work, words[1]), "w", encoding="utf-8") as file:
                    file.write(content)
            elif words in (["sh"], ["sh", "serve"], ["sh", "view"], ["python"]):
                printed = getattr(self, words[-1])(content)
            else:
                assert words == ["console"], f"nothing runs a block of {' '.join(words)}"
        assert ran > 1, "it has no blocks"

    def end(self):
        for server in self.servers:
            server.terminate()
            server.wait(timeout=30)


def main():
    failed = 0
    names = sorted(name for name in os.listdir(FOLDER) if name.endswith(".md"))
    for name in names:
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            text = file.read()
        with tempfile.TemporaryDirectory(prefix="fieldstone-tutorial-") as folder:
            run = Run(sys.argv[1], folder)
            try:
                run.through(text)
                print(f"ok tutorial: {text.splitlines()[0].lstrip('# ')}", flush=True)
            except Exception as error:  # every kind: a tutorial that cannot be followed has failed
                failed += 1
                traceback.print_exc()
                print(f"FAIL tutorial {name}: {type(error).__name__}: {error}", flush=True)
            finally:
                run.end()
    print(f"tutorials.py: {len(names) - failed} of {len(names)} tutorials hold")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
