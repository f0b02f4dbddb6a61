"""What draws and what reads on this machine, and on which devices."""

from captcha_core import machine, rendering
from captcha_core.networks import checkpoint

from .section import Check, Section


def engines() -> Section:
    """Return the engines and devices; loads PyTorch where that is installed, to ask it for devices."""
    return Section("engines and devices", [_rendering(), *_reading(), _device(), _networks()])


def _rendering() -> Check:
    if not machine.installed("numba"):
        return Check("rendering", "pillow; numba draws several times as fast", "absent", "pip install numba")
    compiled = "" if not rendering.needs_compiling() else ", to be compiled at its first use"
    return Check("rendering", f"numba{compiled}")


def _reading() -> list[Check]:
    torch, onnx = machine.installed("torch"), machine.installed("onnxruntime")
    if not torch and not onnx:
        return [Check("reading", "neither PyTorch nor onnxruntime", "fault", "pip install onnxruntime")]
    names = [name for name, there in (("torch", torch), ("onnx", onnx)) if there]
    checks = [Check("reading", ", ".join(names))]
    if not machine.installed("kornia_rs"):
        checks.append(
            Check("PNG files", "by Pillow; kornia-rs decodes them faster", "absent", "pip install kornia-rs")
        )
    return checks


def _device() -> Check:
    if not machine.installed("torch"):
        return Check("devices", "cpu")
    try:
        import torch
    except (ImportError, OSError) as error:
        return Check("devices", f"PyTorch cannot be loaded: {error}", "fault", "install PyTorch again")
    count = torch.cuda.device_count()
    names = [f"cuda:{number} {torch.cuda.get_device_name(number)}" for number in range(count)]
    names += ["mps"] if torch.backends.mps.is_available() else []
    lost = not names and machine.accelerator_possible()
    text = ", ".join([*names, f"cpu ({torch.get_num_threads()} threads)"])
    if lost:
        return Check("devices", text, "absent", "this build of PyTorch sees no GPU: see Troubleshooting")
    return Check("devices", text)


def _networks() -> Check:
    return Check("shipped networks", ", ".join(checkpoint.shipped()) or "none")
