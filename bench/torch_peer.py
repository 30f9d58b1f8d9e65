"""PyTorch beside the other engines of `deno task bench --torch`.

One JSON request a line on stdin, one JSON answer a line on stdout; the first line says what runs. Times
are taken here, in float32 without TF32: `run` is so many operations and one wait for the device, `wait`
the wait alone. Needs neither torchvision nor numpy.
"""

import json
import os
import sys
import time

import torch
import torch.nn.functional as F

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.backends.cudnn.benchmark = True

CUDA = torch.cuda.is_available()
if not CUDA:
    # All cores that this process may use: the other engines of a software adapter do, too.
    torch.set_num_threads(max(torch.get_num_threads(), len(os.sched_getaffinity(0))))
DEVICE = torch.device("cuda" if CUDA else "cpu")
BLOCKS = {"resnet18": [2, 2, 2, 2], "resnet50": [3, 4, 6, 3]}


def wait():
    if CUDA:
        torch.cuda.synchronize()


class Product:
    """A matrix product, or a pass of a convolution, channels first."""

    def __init__(self, op, shape):
        N, C, K = shape["N"], shape["C"], shape["K"]
        self.op = op
        if op == "matmul":
            self.x, self.w = self.random(N, C), self.random(C, K)
            return
        R, S, padding, stride = shape["R"], shape["S"], shape["padding"], shape["stride"]
        self.x, self.w = self.random(N, C, shape["H"], shape["W"]), self.random(K, C, R, S)
        self.stride, self.padding = [stride, stride], [padding, padding]
        self.dy = torch.randn_like(F.conv2d(self.x, self.w, None, self.stride, self.padding))

    @staticmethod
    def random(*shape):
        return torch.randn(*shape, device=DEVICE)

    def run(self):
        if self.op == "matmul":
            return torch.matmul(self.x, self.w)
        if self.op == "conv_forward":
            return F.conv2d(self.x, self.w, None, self.stride, self.padding)
        data = self.op == "conv_data_gradient"
        mask = [data, not data, False]
        around = (None, self.stride, self.padding, [1, 1], False, [0, 0], 1, mask)
        return torch.ops.aten.convolution_backward(self.dy, self.x, self.w, *around)


class TrainingStep:
    """A ResNet with cross-entropy and SGD, from the weights and images in `folder`."""

    def __init__(self, network, batch, pixels, folder, entries, watched, rates):
        self.network = network
        self.watched = watched
        self.rates = rates
        self.values = {}
        for name, (place, shape) in entries.items():
            value = self.read(folder, str(place)).reshape(shape).to(DEVICE)
            self.values[name] = value.requires_grad_("running_" not in name)
        pictures = self.read(folder, "images").reshape(batch, pixels, pixels, 3)
        self.x = pictures.permute(0, 3, 1, 2).contiguous().to(DEVICE)
        self.labels = self.read(folder, "labels", torch.int32).long().to(DEVICE)
        trained = [value for value in self.values.values() if value.requires_grad]
        self.optimizer = torch.optim.SGD(trained, rates["lr"], momentum=rates["momentum"])
        self.loss = None

    @staticmethod
    def read(folder, name, dtype=torch.float32):
        with open(os.path.join(folder, name), "rb") as file:
            return torch.frombuffer(bytearray(file.read()), dtype=dtype)

    def conv(self, x, name, stride=1):
        w = self.values[name + ".weight"]
        return F.conv2d(x, w, None, stride, (w.shape[2] - 1) // 2)

    def norm(self, x, name):
        mean, var, w, b = (
            self.values[name + end]
            for end in (".running_mean", ".running_var", ".weight", ".bias")
        )
        return F.batch_norm(x, mean, var, w, b, True, self.rates["newest"], self.rates["eps"])

    def block(self, x, scope, stride):
        """A basic block, or with a third convolution a bottleneck, its stride in the 3x3 one."""
        deep = scope + ".conv3.weight" in self.values
        y = F.relu(self.norm(self.conv(x, scope + ".conv1", 1 if deep else stride), scope + ".bn1"))
        y = self.norm(self.conv(y, scope + ".conv2", stride if deep else 1), scope + ".bn2")
        if deep:
            y = self.norm(self.conv(F.relu(y), scope + ".conv3"), scope + ".bn3")
        if scope + ".downsample.0.weight" in self.values:
            x = self.conv(x, scope + ".downsample.0", stride)
            x = self.norm(x, scope + ".downsample.1")
        return F.relu(y + x)

    def run(self):
        y = F.relu(self.norm(self.conv(self.x, "conv1", 2), "bn1"))
        y = F.max_pool2d(y, 3, 2, 1)
        for stage, count in enumerate(BLOCKS[self.network]):
            for block in range(count):
                stride = 2 if stage > 0 and block == 0 else 1
                y = self.block(y, "layer%d.%d" % (stage + 1, block), stride)
        logits = F.linear(y.mean((2, 3)), self.values["fc.weight"], self.values["fc.bias"])
        self.loss = F.cross_entropy(logits, self.labels)
        self.optimizer.zero_grad(set_to_none=True)
        self.loss.backward()
        self.optimizer.step()

    def state(self):
        norms = {}
        for name in self.watched["momentum"]:
            norms[name] = self.optimizer.state[self.values[name]]["momentum_buffer"].norm().item()
        for name in self.watched["statistics"]:
            norms[name] = self.values[name].norm().item()
        return {"loss": self.loss.item(), "norms": norms}


class Peer:
    def __init__(self):
        self.made = None

    def prepare(self, **product):
        self.made = Product(**product)
        return {}

    def step(self, **step):
        self.made = TrainingStep(**step)
        return {}

    def run(self, times):
        return self.timed(times)

    def wait(self):
        return self.timed(0)

    def state(self):
        return self.made.state()

    def release(self):
        self.made = None
        if CUDA:
            torch.cuda.empty_cache()
        return {}

    def timed(self, times):
        wait()
        start = time.perf_counter()
        for _ in range(times):
            self.made.run()
        wait()
        return {"ms": (time.perf_counter() - start) * 1000}


def answer(peer, line):
    try:
        request = json.loads(line)
        return getattr(peer, request.pop("do"))(**request)
    except Exception as error:
        return {"error": "%s: %s" % (type(error).__name__, error)}


def main():
    name = torch.cuda.get_device_name() if CUDA else "CPU, %d threads" % torch.get_num_threads()
    print(json.dumps({"version": torch.__version__, "device": name}), flush=True)
    peer = Peer()
    for line in sys.stdin:
        print(json.dumps(answer(peer, line)), flush=True)


main()
