"""Environment variables that change what training computes, and none that say who trains where."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from hubver.record.place.paths import ELSEWHERE, portable
from hubver.record.secrets import is_secret_name, redact

if TYPE_CHECKING:
    from collections.abc import Mapping

# Threads and vector units: sums in another order, or by other instructions, are other numbers.
_KERNELS = r"OMP_\w+|KMP_\w+|GOMP_\w+|MKL_\w+|OPENBLAS_\w+|BLIS_\w+|NUMEXPR_\w+|VECLIB_\w+|DNNL_\w+|ONEDNN_\w+|ATEN_\w+"
_DEVICES = (
    r"CUDA_VISIBLE_DEVICES|CUDA_DEVICE_ORDER|CUDA_LAUNCH_BLOCKING|CUDA_DEVICE_MAX_CONNECTIONS|NVIDIA_TF32_OVERRIDE"
    r"|CUBLAS_\w+|CUBLASLT_\w+|CUDNN_\w+|HIP_VISIBLE_DEVICES|ROCR_VISIBLE_DEVICES|HSA_OVERRIDE_GFX_VERSION"
    r"|ZE_AFFINITY_MASK|ONEAPI_DEVICE_SELECTOR|XLA_\w+|PJRT_DEVICE|ASCEND_RT_VISIBLE_DEVICES"
)
_FRAMEWORKS = (
    r"PYTORCH_\w+|TORCH_\w+|TORCHDYNAMO_\w+|TORCHINDUCTOR_\w+|TRITON_\w+|ACCELERATE_\w+|FSDP_\w+|DEEPSPEED_\w+"
    r"|TRANSFORMERS_\w+|TOKENIZERS_PARALLELISM|HF_DATASETS_\w+|HF_HUB_OFFLINE|BITSANDBYTES_\w+|FLASH_ATTENTION_\w+"
    r"|XFORMERS_\w+|UNSLOTH_\w+|USE_LIBUV|PYTHONHASHSEED|PYTHONPATH|PYTHONOPTIMIZE"
)
_NETWORK = r"NCCL_(?:ALGO|PROTO|NTHREADS|MIN_NCHANNELS|MAX_NCHANNELS|P2P_\w+|SHM_DISABLE|NVLS_ENABLE|COLLNET_ENABLE)"
_DECIDES = re.compile(f"{_KERNELS}|{_DEVICES}|{_FRAMEWORKS}|{_NETWORK}")
# Where things are cached, logged, built or debugged has no bearing on the result.
_PLACES = re.compile(
    r".*_(?:CACHE|HOME|DIR|DIRS|PATH|FILE|FOLDER|LOGS?|LOG_LEVEL|VERBOSITY|VERBOSE|DEBUG|TRACE)(?:_\w+)?"
)


def deciding(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that matter, by name, redacted and without the paths of this machine.

    Args:
        environment: all variables of the process. Those whose names say that they hold a secret, or a place, are
            left out whatever else they are; `PYTHONPATH` keeps what lies below the working directory or the home.
    """
    found: dict[str, str] = {}
    for name, value in sorted(environment.items()):
        if name == "PYTHONPATH":
            places = [portable(place) for place in value.split(os.pathsep) if place]
            value = os.pathsep.join(place for place in places if not place.startswith(ELSEWHERE))  # noqa: PLW2901  # the only one that is a list
            if not value:
                continue
        elif not _DECIDES.fullmatch(name) or _PLACES.fullmatch(name) or is_secret_name(name):
            continue
        found[name] = redact(portable(value))
    return found
