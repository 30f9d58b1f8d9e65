"""
Client of McGIP Server for Python 3.8 and later. One file, the standard library alone:

    curl -O http://127.0.0.1:8000/mcgip.py

    import mcgip
    server = mcgip.Client()                      # MCGIP_URL and MCGIP_API_KEY, or url= and key=
    server.upload("breast", "set.zip")
    result = server.run("similarity", dataset="breast", measure="multimatch")
    values, images = server.matrix(result["similarity"])

NumPy is needed by what returns arrays, pandas by `frame`; both are imported where they are asked for.
Every refusal of the server is a `ServerError` with its detail and the places of what is wrong.

Licence: Apache-2.0.
"""
import calendar
import http.client
import importlib
import io
import json
import os
import ssl
import sys
import time
import uuid
from urllib.parse import quote, urlencode, urlsplit

__all__ = ["Client", "Job", "JobStopped", "ServerError", "flat", "frame"]

FINISHED = ("succeeded", "failed", "cancelled")
#: Statuses after which the same request may succeed.
PASSING = (429, 502, 503, 504)
BLOCK = 1 << 18


class ServerError(Exception):
    """What the server refused (RFC 9457): `status`, `title`, `detail`, `errors`, `instance`."""

    def __init__(self, status, problem):
        self.status = status
        self.title = problem.get("title", "")
        self.detail = problem.get("detail") or self.title or "status %d" % status
        self.errors = problem.get("errors", [])
        #: Id of the request, which the server's log names.
        self.instance = problem.get("instance", "")
        super().__init__("%s (%d)" % (self._text(), status))

    def _text(self):
        return "\n  ".join([self.detail] + [_place(error) for error in self.errors])


def _place(error):
    where = error.get("pointer") or error.get("file") or ""
    if error.get("line") is not None:
        where += ":%d" % error["line"]
    return "%s: %s" % (where, error["message"]) if where else error["message"]


class JobStopped(Exception):
    """A job that was waited for failed, was cancelled or is paused; `job` is what the server tells of it."""

    def __init__(self, job):
        self.job = job
        reason = job.get("error") or {"paused": "resume it to go on"}.get(job["state"], "")
        text = "Cannot wait for job %s any longer: it is %s" % (job["id"], job["state"])
        super().__init__("%s: %s" % (text, reason) if reason else text)


class Client:
    """
    A server. `timeout` is the longest silence in seconds, `retries` how often a request that did not come through
    is sent again: a POST with its own Idempotency-Key, so that its work is done once.
    """

    def __init__(self, url=None, key=None, timeout=120.0, retries=4, context=None):
        url = url or os.environ.get("MCGIP_URL") or "http://127.0.0.1:8000"
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError('Cannot use the address "%s": http://HOST:PORT is needed' % url)
        self.url = url.rstrip("/")
        self._parts = parts
        self._key = key or os.environ.get("MCGIP_API_KEY")
        self._timeout = timeout
        self._retries = retries
        self._context = context

    # Requests

    def _connection(self):
        where = dict(host=self._parts.hostname, port=self._parts.port, timeout=self._timeout)
        if self._parts.scheme == "https":
            context = self._context or ssl.create_default_context()
            return http.client.HTTPSConnection(context=context, blocksize=BLOCK, **where)
        return http.client.HTTPConnection(blocksize=BLOCK, **where)

    def request(self, method, path, query=None, json_body=None, body=None, headers=None, keyed=True):
        """
        The answer to one request, as an open `http.client.HTTPResponse` of status 2xx, to be closed. `path` starts
        with a slash; of `query` what is None is left out; `body` is bytes or a file that can be read again.
        `keyed=False` sends a POST without Idempotency-Key, and once.
        """
        # The socket ends with the answer: nobody has to close a client.
        sent = {"Accept": "application/json", "Connection": "close", **(headers or {})}
        if self._key:
            sent["Authorization"] = "Bearer " + self._key
        if json_body is not None:
            body = json.dumps(json_body).encode()
            sent["Content-Type"] = "application/json"
        again = True
        if method == "POST":
            again = keyed
            if keyed:
                sent.setdefault("Idempotency-Key", str(uuid.uuid4()))
        start = body.tell() if hasattr(body, "seek") else None
        if body is not None:
            sent["Content-Length"] = str(_length(body, start))
        target = self._parts.path.rstrip("/") + path + _query(query)
        for attempt in range(self._retries + 1 if again else 1):
            last = attempt == self._retries or not again
            if start is not None:
                body.seek(start)
            connection = self._connection()
            try:
                answer = _exchange(connection, method, target, body, sent)
            except (OSError, http.client.HTTPException):
                connection.close()
                if last:
                    raise
                time.sleep(min(0.5 * 2 ** attempt, 10))
                continue
            if 200 <= answer.status < 300:
                return answer
            error = ServerError(answer.status, _problem(answer))
            wait = answer.getheader("Retry-After")
            connection.close()
            if attempt > 0 and method == "DELETE" and error.status == 404:
                # The first request came through, and its answer did not.
                return None
            first_runs = error.status == 409 and "Idempotency-Key" in error.detail
            if last or not (error.status in PASSING or first_runs):
                raise error
            time.sleep(min(float(wait), 30) if wait else min(0.5 * 2 ** attempt, 10))

    def call(self, method, path, query=None, **rest):
        """The JSON of an answer; None where it has no body."""
        answer = self.request(method, path, query, **rest)
        if answer is None:
            return None
        with answer:
            text = answer.read()
        return json.loads(text) if text else None

    def get(self, path, **query):
        return self.call("GET", path, query)

    def pages(self, path, **query):
        """Every entry of a list, page after page, as they are asked for."""
        after = None
        while True:
            page = self.get(path, **{**query, **({} if after is None else {"after": after})})
            yield from page["data"]
            after = page["next"]
            if not page["has_more"]:
                return

    def read(self, path, accept="*/*", **query):
        """The bytes of an answer that is no JSON: a picture, a table."""
        with self.request("GET", path, query, headers={"Accept": accept}) as answer:
            return answer.read()

    def save(self, path, file, **query):
        """Streams an answer into a file, which is there only when it is whole; its name."""
        part = "%s.part" % file
        try:
            with self.request("GET", path, query, headers={"Accept": "*/*"}) as answer:
                expected = answer.getheader("Content-Length")
                with open(part, "wb") as out:
                    for block in iter(lambda: answer.read(BLOCK), b""):
                        out.write(block)
                    written = out.tell()
            if expected is not None and int(expected) != written:
                raise OSError("Cannot save %s: %d of %s bytes came" % (file, written, expected))
            os.replace(part, file)
        finally:
            if os.path.exists(part):
                os.remove(part)
        return file

    # Data sets

    def upload(self, name, file, dry_run=False, progress=None, names=None):
        """Creates or replaces a data set from a ZIP, which is streamed; the report of the import. Names of DICOM
        files and of patients become keyed hashes, unless `names` is "keep"."""
        query = {**({"dry_run": "true"} if dry_run else {}), **({"names": names} if names else {})}
        with open(file, "rb") as source:
            with _Bar(progress, "upload " + name) as bar:
                body = _Watched(source, bar)
                headers = {"Content-Type": "application/zip"}
                return self.call("PUT", _path("/v1/datasets", name), query, body=body, headers=headers)

    def add_gaze(self, dataset, file, **options):
        """Adds the gaze of one file; options as `POST /v1/datasets/{name}/gaze` has them. Its report."""
        with open(file, "rb") as source:
            options.setdefault("file", os.path.basename(file))
            headers = {"Content-Type": "application/octet-stream"}
            return self.call("POST", _path("/v1/datasets", dataset, "gaze"), options, body=source,
                             headers=headers)

    def add_labels(self, dataset, file):
        """Sets labels, patients and splits by a CSV `image,label[,patient][,split]`; of a multi-label set a column for each finding."""
        with open(file, "rb") as source:
            headers = {"Content-Type": "text/csv"}
            return self.call("POST", _path("/v1/datasets", dataset, "labels"), body=source, headers=headers)

    def add_readings(self, dataset, file):
        """Adds readers' decisions by a CSV `image,reader,label[,confidence][,rating][,condition]`."""
        with open(file, "rb") as source:
            headers = {"Content-Type": "text/csv"}
            return self.call("POST", _path("/v1/datasets", dataset, "readings"), body=source, headers=headers)

    def reading_analysis(self, dataset, **query):
        """AUC of each reader, agreement, and readers and cases together; evaluation= puts a model beside them."""
        return self.get(_path("/v1/datasets", dataset, "readings", "analysis"), **query)

    def datasets(self):
        return self.pages("/v1/datasets")

    def dataset(self, name):
        return self.get(_path("/v1/datasets", name))

    def images(self, dataset, **query):
        return self.pages(_path("/v1/datasets", dataset, "images"), **query)

    def picture(self, dataset, image, kind="image", **query):
        """PNG of an image: `kind` is image, heatmap or overlay."""
        return self.read(_path("/v1/datasets", dataset, "images", image, kind + ".png"), **query)

    def gaze(self, dataset, image, **query):
        """Fixations on an image, and measures of each scanpath."""
        return self.get(_path("/v1/datasets", dataset, "images", image, "gaze"), **query)

    def gaze_measures(self, dataset, table="scanpaths", **query):
        """Rows of measures: one for each recording, or with table="agreement" for each pair of readers."""
        return self.pages(_path("/v1/datasets", dataset, "gaze"), table=table, **query)

    # Jobs

    def job(self, kind, **spec):
        """Queues a job of this kind; a `Job` to wait for."""
        return Job(self, self.call("POST", "/v1/jobs", json_body={"kind": kind, **spec}))

    def run(self, kind, progress=None, timeout=None, **spec):
        """Queues a job and waits for its end; its result: ids by name."""
        return self.job(kind, **spec).wait(timeout=timeout, progress=progress)

    def plan(self, **study):
        """What a study would take: its jobs, time and memory. Nothing is queued."""
        return self.call("POST", "/v1/jobs", json_body={"kind": "study", **study, "dry_run": True})

    def find_job(self, id):
        return Job(self, self.get(_path("/v1/jobs", id)))

    def jobs(self, **query):
        return self.pages("/v1/jobs", **query)

    # Results

    def matrix(self, similarity, component=None, images=None):
        """A similarity as an array (f32, NaN where invalid), and the names of its rows and columns."""
        numpy = _module("numpy", "arrays")
        if images is None:
            images = list(self.pages(_path("/v1/similarities", similarity, "images")))
            part = None
        else:
            images = list(images)
            if any("," in name for name in images):
                raise ValueError("Cannot ask for a part of images with commas in their names: take all")
            part = ",".join(images)
        raw = self.read(_path("/v1/similarities", similarity, "matrix"), format="npy",
                        component=component, images=part)
        values = numpy.load(io.BytesIO(raw), allow_pickle=False)
        if values.shape != (len(images), len(images)):
            raise ValueError("Cannot name the rows: %s values for %d images" % (values.shape, len(images)))
        return values, images

    def audit(self, similarity, **query):
        return self.get(_path("/v1/similarities", similarity, "audit"), **query)

    def models(self):
        return self.pages("/v1/models")

    def model(self, id):
        return self.get(_path("/v1/models", id))

    def save_weights(self, model, file, format="safetensors"):
        return self.save(_path("/v1/models", model, "weights"), file, format=format)

    def upload_model(self, name, file, progress=None, **query):
        """Uploads safetensors or .pth weights as the next version of a name."""
        for field in ("classes", "mean", "std"):
            if isinstance(query.get(field), (list, tuple)):
                query[field] = ",".join(str(one) for one in query[field])
        if isinstance(query.get("multi_label"), bool):
            query["multi_label"] = str(query["multi_label"]).lower()
        with open(file, "rb") as source:
            with _Bar(progress, "upload " + name) as bar:
                headers = {"Content-Type": "application/octet-stream"}
                return self.call("PUT", _path("/v1/models", name), query, body=_Watched(source, bar),
                                 headers=headers)

    def predict(self, model, *files, dataset=None, images=None):
        """
        Predictions for pictures in files (names or bytes), or for those of a data set by their names; a list of
        dictionaries in the same order. The server keeps them.
        """
        path = _path("/v1/models", model, "predictions")
        if dataset is not None:
            if files:
                raise ValueError("Cannot predict files and a data set's images in one request")
            body = {"dataset": dataset, "images": list(images or [])}
            return self.call("POST", path, json_body=body)["data"]
        if images is not None or not files:
            raise ValueError("Cannot predict: files are needed, or dataset= and images=")
        found = []
        for file in files:
            # One by one: a form may be as large as one picture only.
            headers = {"Content-Type": "application/octet-stream"}
            found += self.call("POST", path, body=_bytes(file), headers=headers)["data"]
        return found

    def saliency(self, model, file=None, **query):
        """Where the network looked, as PNG: of a picture in a file, or with dataset= and image= of one there."""
        headers = {"Accept": "image/png", "Content-Type": "application/octet-stream"}
        body = b"" if file is None else _bytes(file)
        # Nothing is made by it, so it needs no key to be sent again.
        with self.request("POST", _path("/v1/models", model, "saliency"), query, body=body, headers=headers,
                          keyed=False) as answer:
            return answer.read()

    def predictions(self, **query):
        """Stored predictions: model, dataset, image, label, min_probability."""
        return self.pages("/v1/predictions", **query)

    def evaluations(self):
        return self.pages("/v1/evaluations")

    def evaluation(self, id):
        return self.get(_path("/v1/evaluations", id))

    def scores(self, evaluation):
        """What the classifier said of each image of an evaluation: a list of dictionaries."""
        return list(self.pages(_path("/v1/evaluations", evaluation, "scores")))

    def difference(self, evaluation, to):
        return self.get(_path("/v1/evaluations", evaluation, "difference"), to=to)

    def study(self, id):
        return self.get(_path("/v1/studies", id))

    def study_table(self, id, format="json"):
        """The table: a dictionary, or with format csv, markdown or latex its text."""
        path = _path("/v1/studies", id, "table")
        if format == "json":
            return self.get(path)
        return self.read(path, format=format).decode()

    def delete(self, *parts):
        """Deletes what a path names: `delete("evaluations", id)`."""
        self.call("DELETE", _path("/v1", *parts))


class Job:
    """A job on the server. `told` is what the server said of it last."""

    def __init__(self, client, told):
        self._client = client
        self.told = told
        self.id = told["id"]

    def __repr__(self):
        return "<Job %s %s %s>" % (self.id, self.told["kind"], self.told["state"])

    @property
    def state(self):
        return self.told["state"]

    @property
    def result(self):
        """Ids of what it made, by name; None before it has succeeded."""
        return self.told["result"]

    def refresh(self):
        self.told = self._client.get(_path("/v1/jobs", self.id))
        return self

    def wait(self, timeout=None, progress=None):
        """
        Waits for its end; its result. A bar is drawn on a terminal; `progress=False` never draws one, a function is
        called with what the server tells. Ctrl-C ends the waiting, not the job.
        Raises JobStopped when it has failed, was cancelled or paused, TimeoutError after `timeout` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        pause = 0.1
        with _Bar(None if callable(progress) else progress, self.told["kind"]) as bar:
            while True:
                if callable(progress):
                    progress(self.told)
                state, done = self.state, self.told["progress"]
                note = _left(self.told) if state == "running" else state
                bar.show(done["done"], done["total"], done["unit"], note)
                if state == "succeeded":
                    return self.result
                if state in FINISHED or state == "paused":
                    raise JobStopped(self.told)
                if end is not None and time.monotonic() + pause > end:
                    raise TimeoutError("Cannot wait for job %s any longer: it is %s" % (self.id, state))
                time.sleep(pause)
                pause = min(pause * 1.5, 2.0)
                self.refresh()

    def cancel(self):
        return self._act("cancel")

    def pause(self):
        return self._act("pause")

    def resume(self):
        return self._act("resume")

    def _act(self, what):
        self.told = self._client.call("POST", _path("/v1/jobs", self.id, what))
        return self

    def delete(self):
        self._client.delete("jobs", self.id)

    def events(self, after=0):
        """Events as they happen, until its end; a stream that breaks off is taken up again."""
        silent = 0
        while True:
            headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
            answer = self._client.request("GET", _path("/v1/jobs", self.id, "events"), headers=headers)
            with answer:
                if answer.status == 204:
                    return
                before = after
                try:
                    for event in _events(answer):
                        yield event
                        after = event["id"]
                except (OSError, http.client.HTTPException):
                    pass
            silent = 0 if after > before else silent + 1
            if silent > 10:
                raise OSError("Cannot follow job %s: its events break off" % self.id)
            time.sleep(min(0.2 * 2 ** silent, 5))

    def metrics(self, name=None):
        """Points of its series: dictionaries with step, epoch, name and value."""
        return list(self._client.pages(_path("/v1/jobs", self.id, "metrics"), name=name))

    def curves(self, name=None):
        """Its series by name: two arrays, steps and values (NaN where a number was not finite)."""
        numpy = _module("numpy", "arrays")
        series = {}
        for point in self.metrics(name):
            steps, values = series.setdefault(point["name"], ([], []))
            steps.append(point["step"])
            values.append(float("nan") if point["value"] is None else point["value"])
        return {name: (numpy.array(steps), numpy.array(values)) for name, (steps, values) in series.items()}

    def save_events(self, folder):
        """Writes an event file for `tensorboard --logdir` into a folder; its name."""
        os.makedirs(folder, exist_ok=True)
        file = os.path.join(folder, "events.out.tfevents.%s" % self.id)
        return self._client.save(_path("/v1/jobs", self.id, "metrics"), file, format="tensorboard")


def flat(row):
    """A dictionary without others in it: `probabilities: {a: 0.3}` becomes `probability_a: 0.3`."""
    out = {}
    for name, value in row.items():
        if isinstance(value, dict):
            prefix = "probability" if name == "probabilities" else name
            out.update(("%s_%s" % (prefix, key), inner) for key, inner in flat(value).items())
        else:
            out[name] = value
    return out


def frame(rows):
    """Rows (predictions, scores, measures, images) as a pandas.DataFrame."""
    return _module("pandas", "data frames").DataFrame([flat(row) for row in rows])


def _module(name, what):
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ImportError("Cannot make %s: %s is not installed" % (what, name)) from None


def _path(*parts):
    """Parts after the first are names: every character of them is part of one segment."""
    return "/".join([parts[0]] + [quote(str(part), safe="") for part in parts[1:]])


def _query(query):
    known = {name: _text(value) for name, value in (query or {}).items() if value is not None}
    return "?" + urlencode(known) if known else ""


def _text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def _length(body, start):
    if start is None:
        return len(body)
    end = body.seek(0, os.SEEK_END)
    body.seek(start)
    return end - start


def _bytes(file):
    if isinstance(file, (bytes, bytearray)):
        return bytes(file)
    with open(file, "rb") as source:
        return source.read()


def _exchange(connection, method, target, body, headers):
    try:
        connection.request(method, target, body=body, headers=headers)
    except (BrokenPipeError, ConnectionResetError):
        # Refused before all was sent: the answer says why.
        try:
            return connection.getresponse()
        except (OSError, http.client.HTTPException):
            pass
        raise
    return connection.getresponse()


def _problem(answer):
    text = answer.read()
    try:
        found = json.loads(text)
        return found if isinstance(found, dict) else {}
    except ValueError:
        return {"title": answer.reason, "detail": text[:200].decode("utf-8", "replace").strip()}


def _events(answer):
    event = {}
    for line in answer:
        line = line.decode().rstrip("\r\n")
        if not line:
            if "data" in event:
                yield {"id": int(event["id"]), "type": event["event"], **json.loads(event["data"])}
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value


def _left(told):
    """Time to the estimated end, in words."""
    estimate = told.get("estimated_finish")
    if not estimate:
        return ""
    try:
        end = time.strptime(estimate[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return ""

    seconds = calendar.timegm(end) - time.time()
    if seconds < 1:
        return ""
    return "%d s left" % seconds if seconds < 120 else "%d min left" % (seconds / 60)


class _Bar:
    """One line on the terminal. `wanted`: None draws where standard error is one, False never."""

    WIDTH = 24

    def __init__(self, wanted, title):
        tty = getattr(sys.stderr, "isatty", lambda: False)()
        self.drawn = bool(tty if wanted is None else wanted)
        self.title = title
        self.last = ""
        self.at = 0.0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.drawn and self.last:
            sys.stderr.write("\r%s\n" % self.last)
            sys.stderr.flush()

    def show(self, done, total, unit="", note=""):
        if not self.drawn:
            return
        share = min(done / total, 1.0) if total else 0.0
        full = int(share * self.WIDTH)
        bar = "#" * full + "." * (self.WIDTH - full)
        line = "%s [%s] %3d %%  %s/%s %s  %s" % (self.title, bar, share * 100, done, total, unit, note)
        width = len(self.last)
        self.last = line.rstrip()
        now = time.monotonic()
        if share < 1 and now - self.at < 0.1:
            return
        self.at = now
        sys.stderr.write("\r" + self.last.ljust(width))
        sys.stderr.flush()


class _Watched(io.RawIOBase):
    """A file that tells a bar how far it was read."""

    def __init__(self, file, bar):
        super().__init__()
        self.file, self.bar = file, bar
        self.total = os.fstat(file.fileno()).st_size

    def readable(self):
        return True

    def seekable(self):
        return True

    def read(self, size=-1):
        block = self.file.read(size)
        self.bar.show(self.file.tell(), self.total, "bytes")
        return block

    def seek(self, offset, whence=os.SEEK_SET):
        return self.file.seek(offset, whence)

    def tell(self):
        return self.file.tell()
