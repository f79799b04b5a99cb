"""What bench/run measures: the mock by itself, nginx in front of it, llmgw in
front of it.  Each target knows its processes and its address; the processes
it started are ended by pid, and nothing else is."""
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

CHAT = "/v1/chat/completions"


class Failure(Exception):
    pass


def find(program):
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    found = shutil.which(program, path=path)
    if found is None:
        raise Failure(f"{program} is not installed")
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def raise_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Cpus:
    """Gateways on the first CPU, clients and mock on others."""

    def __init__(self):
        all_ = sorted(os.sched_getaffinity(0))
        self.pinned = len(all_) > 1
        self.gateway = {all_[0]} if self.pinned else set(all_)
        self.client = {all_[-1]} if self.pinned else set(all_)
        self.mock = {all_[-2]} if len(all_) > 2 else self.client

    @staticmethod
    def on(cpus):
        return lambda: os.sched_setaffinity(0, cpus)


def processes():
    """pid -> (parent, name, start time), zombies left out."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="latin1") as f:
                head, tail = f.read().rsplit(")", 1)
        except OSError:
            continue
        t = tail.split()
        if t[0] != "Z":
            found[int(name)] = (int(t[1]), head.split("(", 1)[1], t[19])
    return found


def family(roots):
    """The processes and all their descendants: pid -> (name, start time)."""
    all_ = processes()
    inside = {p for p in roots if p in all_}
    while True:
        more = {p for p, v in all_.items() if v[0] in inside} - inside
        if not more:
            return {p: all_[p][1:] for p in inside}
        inside |= more


def still_there(members):
    now = processes()
    return [p for p, (name, start) in members.items()
            if p in now and now[p][2] == start]


def wait_gone(members, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not still_there(members):
            return
        time.sleep(0.02)
    for pid in still_there(members):
        os.kill(pid, signal.SIGKILL)


def pss_kb(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += int(re.search(r"^Pss: +(\d+)", f.read(), re.M)[1])
        except (OSError, TypeError):
            pass
    return total


def get(port, path, timeout=2):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        c.request("GET", path)
        r = c.getresponse()
        return r.status, r.read()
    finally:
        c.close()


def wait_answer(port, path, seconds, step=0.02):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            status, _ = get(port, path)
            if status == 200:
                return True
        except OSError:
            pass
        time.sleep(step)
    return False


class Mock:
    name = "direct"
    key = "none"
    groups = ()

    def __init__(self, program, cpus):
        self.p = subprocess.Popen([program, "0"], stdout=subprocess.PIPE,
                                  text=True, preexec_fn=Cpus.on(cpus.mock))
        line = self.p.stdout.readline()
        if not line.strip().isdigit():
            raise Failure("the mock does not start")
        self.port = int(line)

    def url(self, stream):
        return f"http://127.0.0.1:{self.port}{CHAT}"

    def control(self, options):
        get(self.port, "/control/" + options)

    def stats(self):
        return json.loads(get(self.port, "/stats")[1])

    def stop(self):
        self.p.terminate()
        self.p.wait()


NGINX = """
worker_processes 1;
worker_rlimit_nofile {files};
daemon off;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
{user}
events {{ worker_connections {conns}; }}
http {{
	access_log off;
	client_body_temp_path {dir}/body;
	proxy_temp_path {dir}/proxy;
	fastcgi_temp_path {dir}/fastcgi;
	uwsgi_temp_path {dir}/uwsgi;
	scgi_temp_path {dir}/scgi;
	keepalive_requests 1000000;
	proxy_read_timeout 600s;
	proxy_http_version 1.1;
	proxy_set_header Connection "";
	upstream mock {{
		server 127.0.0.1:{mock};
		keepalive 1024;
		keepalive_requests 1000000;
	}}
	server {{
		listen 127.0.0.1:{port} backlog=4096;
		location / {{ proxy_pass http://mock; }}
		location /stream/ {{
			proxy_buffering off;
			proxy_pass http://mock/;
		}}
	}}
}}
"""


class Nginx:
    name = "nginx"
    key = "none"

    def __init__(self, scratch, mock, cpus):
        self.dir = os.path.join(scratch, "nginx")
        os.mkdir(self.dir)
        self.port = free_port()
        files = raise_descriptors()
        conf = os.path.join(self.dir, "nginx.conf")
        with open(conf, "w") as f:
            f.write(NGINX.format(
                files=files, conns=min(files, 16384), dir=self.dir,
                mock=mock.port, port=self.port,
                user="user root;" if os.getuid() == 0 else ""))
        self.p = subprocess.Popen(
            [find("nginx"), "-p", self.dir, "-c", conf,
             "-e", os.path.join(self.dir, "error.log")],
            preexec_fn=Cpus.on(cpus.gateway))
        if not wait_answer(self.port, "/stats", 5):
            self.stop()
            raise Failure("nginx does not start")

    @property
    def groups(self):
        return ("all=%d" % self.p.pid,)

    def url(self, stream):
        return "http://127.0.0.1:%d%s%s" % (
            self.port, "/stream" if stream else "", CHAT)

    def stop(self):
        members = family([self.p.pid])
        self.p.terminate()
        self.p.wait()
        wait_gone(members, 5)


class Llmgw:
    """lighttpd and the programs, as quickstart starts them: one process of
    each program."""
    name = "llmgw"

    def __init__(self, source, build, scratch, mock, cpus):
        self.home = os.path.join(scratch, "home")
        self.cpus = cpus
        self.port = free_port()
        self.script = os.path.join(source, "quickstart")
        self.stopped = False
        self.members = {}
        if not os.access(self.script, os.X_OK):
            raise Failure(f"{self.script} is missing")
        self.env = dict(os.environ, LLM_OPENAI_API_KEY="x",
                        LLM_OPENAI_BASE_URL=f"http://127.0.0.1:{mock.port}/v1",
                        LLM_ANTHROPIC_API_KEY="x",
                        LLM_ANTHROPIC_BASE_URL=f"http://127.0.0.1:{mock.port}",
                        OMP_NUM_THREADS="1")  # what nproc obeys
        self.build = ["--build", build] if build else []
        try:
            said = self._start()
            self.key = said["api_key"]
            self.token = said["admin_token"]
            self.pid = said["pid"]
            self.members = family(self._roots())
            self.groups = self._groups()
        except BaseException:
            self.stop()
            raise

    def _start(self):
        p = subprocess.run(
            [self.script, "--json", "--no-install", "--port", str(self.port),
             "--home", self.home] + self.build,
            env=self.env, stdout=subprocess.PIPE, text=True, timeout=300,
            preexec_fn=Cpus.on(self.cpus.gateway))
        if p.returncode != 0:
            raise Failure("quickstart fails, see above")
        return json.loads(p.stdout)

    def _admin(self, path, body=None):
        r = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/admin/v1/{path}",
            data=json.dumps(body).encode() if body else None,
            headers={"Authorization": "Bearer " + self.token,
                     "Content-Type": "application/json"})
        with urllib.request.urlopen(r, timeout=10) as answer:
            return json.loads(answer.read())

    def caching_key(self):
        """Of a project whose answers are kept."""
        org = self._admin("organizations")["data"][0]["id"]
        project = self._admin("projects", {
            "organization_id": org, "name": "cached",
            "caching_enabled": True, "cache_ttl": 3600})
        return self._admin("keys", {"project_id": project["id"],
                                    "label": "cached"})["key"]

    def _roots(self):
        roots = [self.pid]
        run = os.path.join(self.home, "run")
        names = os.listdir(run) if os.path.isdir(run) else []
        for name in names:
            if name.endswith(".pid"):
                with open(os.path.join(run, name)) as f:
                    text = f.read().strip()
                if text.isdigit():
                    roots.append(int(text))
        return roots

    def _groups(self):
        """Each process by itself, apart from those below another of its
        kind, since a group means descendants too."""
        web = [p for p, v in self.members.items() if v[0] == "lighttpd"]
        all_ = processes()
        top = [p for p in self.members
               if p not in web and all_[p][0] not in
               set(self.members) - set(web)]
        if not web or not top:
            raise Failure("no lighttpd or no programs below pid %d" % self.pid)
        # web's descendants are the programs: "all" less "gateway" is lighttpd
        return ("all=" + ",".join(map(str, web + top)),
                "gateway=" + ",".join(map(str, top)))

    def url(self, stream):
        return f"http://127.0.0.1:{self.port}{CHAT}"

    def stop(self):
        if self.stopped:
            return
        self.stopped = True
        subprocess.run([self.script, "stop", "--home", self.home],
                       env=self.env, stdout=sys.stderr, timeout=60)
        wait_gone(self.members, 10)

    def start_times(self, n):
        """Seconds from starting lighttpd to a healthy answer, n times; ends
        the gateway.  None if its lighttpd cannot be started again."""
        conf = os.path.join(self.home, "lighttpd.conf")
        if not os.path.exists(conf):
            self.stop()
            return None
        with open(f"/proc/{self.pid}/environ", "rb") as f:
            pairs = [x.split(b"=", 1) for x in f.read().split(b"\0") if x]
        env = {k: v for k, v in pairs}
        self.stop()
        return [self._start_time(conf, env) for _ in range(n)]

    def _start_time(self, conf, env):
        begin = time.monotonic()
        p = subprocess.Popen([find("lighttpd"), "-D", "-f", conf], env=env,
                             stdout=sys.stderr,
                             preexec_fn=Cpus.on(self.cpus.gateway))
        try:
            well = wait_answer(self.port, "/", 20, 0.005)
            took = time.monotonic() - begin
        finally:
            members = family([p.pid])
            p.terminate()
            p.wait()
            wait_gone(members, 10)
        return took if well else 20.0
