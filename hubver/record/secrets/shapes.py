"""The shapes of secrets that are told by what they are, wherever they stand. Pure.

The forms are facts that each service publishes, or that scanners keep (gitleaks, config/gitleaks.toml); lengths are
lower bounds here, because a service that lengthens its keys must not become invisible.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Service → what every secret of this form holds, and the form. The first is looked for first, which is many times
# faster than the second; each form begins where no letter or digit stands before it.
_FORMS: dict[str, tuple[tuple[str, ...], str]] = {
    # Models and their hosting
    "Hugging Face": (
        ("hf_",),
        r"hf_(?:(?:oauth|jwt)_[\w.-]{16,}|[A-Za-z0-9]{20,}|(?=[a-z0-9_-]{0,99}[A-Z])[\w-]{28,})",
    ),
    "Hugging Face organisation": (("api_org_",), r"api_org_[A-Za-z0-9]{16,}"),
    "OpenAI, Anthropic and their kind": (
        ("sk-",),
        (
            r"sk-(?:(?:proj|svcacct|admin|None|ant|or|lf)-[\w-]{16,}|[A-Za-z0-9]{20,}"
            r"|(?=[\w-]{0,80}[A-Z])(?=[\w-]{0,80}\d)[\w-]{24,})"
        ),
    ),
    "Replicate": (("r8_",), r"r8_[A-Za-z0-9]{30,}"),
    "Groq": (("gsk_",), r"gsk_[A-Za-z0-9]{32,}"),
    "Cerebras": (("csk-",), r"csk-[A-Za-z0-9]{32,}"),
    "xAI": (("xai-",), r"xai-[A-Za-z0-9]{40,}"),
    "Perplexity": (("pplx-",), r"pplx-[A-Za-z0-9]{32,}"),
    "NVIDIA": (("nvapi-",), r"nvapi-[\w-]{40,}"),
    "Pinecone": (("pcsk_",), r"pcsk_[A-Za-z0-9_]{40,}"),
    "LangSmith": (("lsv2_",), r"lsv2_(?:pt|sk)_[a-z0-9]{32}_[a-z0-9]{8,}"),
    "RunPod": (("rpa_",), r"rpa_[A-Z0-9]{32,}"),
    "Together": (("tgp_v1_",), r"tgp_v1_[\w-]{32,}"),
    "Weights & Biases": (("wandb_v",), r"wandb_v\d_[A-Za-z0-9_]{40,}"),
    "Neptune": (("eyJhcGlfYWRkcmVzcyI6",), r"eyJhcGlfYWRkcmVzcyI6[A-Za-z0-9+/=]{20,}"),
    "Prefect": (("pnu_",), r"pnu_[A-Za-z0-9]{36}"),
    "Databricks": (("dapi",), r"dapi[a-f0-9]{32}(?:-\d)?"),
    # Clouds
    "AWS": (("A3T", "AKIA", "ASIA", "ABIA", "ACCA"), r"(?:A3T[A-Z0-9]|A[KSB]IA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    "AWS Bedrock": (("ABSK",), r"ABSK[A-Za-z0-9+/]{80,}={0,2}"),
    "Google": (("AIza", "ya29.", "GOCSPX-"), r"AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{28}"),
    "Azure AD": (("Q~",), r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"),
    "Alibaba": (("LTAI",), r"LTAI[A-Za-z0-9]{16,24}(?![A-Za-z0-9])"),
    "Tencent": (("AKID",), r"AKID[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
    "DigitalOcean": (("_v1_",), r"do[opr]_v1_[a-f0-9]{40,}"),
    "Heroku": (("HRKU-",), r"HRKU-AA[\w-]{40,}"),
    "Supabase": (("sbp_",), r"sbp_[a-f0-9]{40}"),
    "Fly": (("fo1_", "fm1", "fm2_"), r"fo1_[\w-]{43}|fm[12][ar]?_[A-Za-z0-9+/]{80,}={0,3}"),
    "Cloudflare": (("v1.0-",), r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}"),
    # Code, packages, operations
    "GitHub": (("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[A-Za-z0-9]{20,}"),
    "GitHub, fine-grained": (("github_pat_",), r"github_pat_\w{20,}"),
    "GitLab": (("gl",), r"gl(?:pat|ptt|dt|rt|ft|imt|cbt|soat|agent|oas|ffct)-[\w.-]{16,}"),
    "GitLab runner": (("GR1348941",), r"GR1348941[\w-]{20}"),
    "Atlassian": (("ATATT3", "ATBB"), r"ATATT3[\w=-]{60,}|ATBB[A-Za-z0-9]{32}"),
    "npm": (("npm_",), r"npm_[A-Za-z0-9]{30,}"),
    "PyPI": (("pypi-",), r"pypi-Ag[A-Za-z0-9_-]{16,}"),
    "RubyGems": (("rubygems_",), r"rubygems_[a-f0-9]{48}"),
    "Docker Hub": (("dckr_",), r"dckr_(?:pat|oat)_[\w-]{20,}"),
    "Artifactory": (("AKCp", "cmVmd"), r"AKCp[A-Za-z0-9]{60,}|cmVmd[A-Za-z0-9]{59}"),
    "Vault": (("hvs.", "hvb.", "hvr."), r"hv[sbr]\.[\w-]{24,}"),
    "Terraform": ((".atlasv1.",), r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,}"),
    "Pulumi": (("pul-",), r"pul-[a-f0-9]{40}"),
    "Doppler": (("dp.",), r"dp\.(?:pt|st|sa|ct)\.[\w.-]{40,}"),
    "1Password": (("ops_eyJ",), r"ops_eyJ[A-Za-z0-9+/]{100,}={0,3}"),
    "age": (("AGE-SECRET-KEY-1",), r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    "OpenShift": (("sha256~",), r"sha256~[\w-]{43}"),
    "Grafana": (("glsa_", "glc_"), r"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}|glc_[A-Za-z0-9+/]{32,}={0,3}"),
    "New Relic": (("NRAK-",), r"NRAK-[A-Z0-9]{27}"),
    "Sentry": (("sntryu_", "sntrys_"), r"sntryu_[a-f0-9]{64}|sntrys_[A-Za-z0-9+/=_]{60,}"),
    "Postman": (("PMAK-",), r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    "PlanetScale": (("pscale_",), r"pscale_(?:tkn|pw|oauth)_[\w.=-]{32,}"),
    # Messages, money, offices
    "Slack": (("xox", "xapp-"), r"xox[abceoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}"),
    "Slack webhook": (("hooks.slack.com",), r"hooks\.slack\.com/(?:services|workflows|triggers)/[\w/+-]{20,}"),
    "Discord": (("M", "N", "O"), r"[MNO](?=[\w-]{0,22}\d)[\w-]{23,25}\.[\w-]{6}\.[\w-]{27,38}"),
    "Discord webhook": (("/api/webhooks/",), r"discord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,}"),
    "Teams webhook": (("webhookb2",), r"webhook\.office\.com/webhookb2/[\w@/-]{60,}"),
    "Telegram": ((":A",), r"\d{8,10}:A[\w-]{34}(?![\w-])"),
    "Twilio": (("SK",), r"SK[0-9a-f]{32}(?![0-9A-Za-z])"),
    "SendGrid": (("SG.",), r"SG\.[\w-]{22}\.[\w-]{43}"),
    "Mailgun": (("key-",), r"key-[0-9a-f]{32}(?![0-9A-Za-z])"),
    "Mailchimp": (("-us",), r"[0-9a-f]{32}-us\d{1,2}(?!\w)"),
    "Brevo": (("xkeysib-",), r"xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    "Stripe": (
        ("sk_", "rk_", "whsec_"),
        r"(?:[sr]k|whsec)_(?:live|test|prod)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/]{32,}",
    ),
    "Square": (("sq0",), r"sq0(?:atp|csp)-[\w-]{22,}"),
    "Shopify": (("shp",), r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    "Notion": (("ntn_",), r"ntn_\d{11}[A-Za-z0-9]{35}"),
    "Linear": (("lin_api_",), r"lin_api_[A-Za-z0-9]{40}"),
    "Airtable": (("pat",), r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}"),
    "Figma": (("figd_", "figo_", "figu_"), r"fig[dou]_[\w-]{40,}"),
    "JSON Web Token": (("eyJ",), r"eyJ[\w-]{8,1000}\.eyJ[\w-]{8,}\.[\w-]*"),
}
_COMPILED = [(marks, re.compile(rf"(?<![A-Za-z0-9])(?:{form})")) for marks, form in _FORMS.values()]


def hide_tokens(text: str, replacement: str) -> str:
    """The text with every secret that has the form of a known service's replaced."""
    for marks, form in _COMPILED:
        if any(mark in text for mark in marks):
            text = form.sub(replacement, text)
    return text


_KEY_BEGINS = re.compile(r"-----BEGIN[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_KEY_ENDS = re.compile(r"-----END[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
# `+`, quotes and the like come from diffs and source code, where a key goes on over several lines.
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=\s\\\"',:().-]{0,20000}")
# The longest in use, of 16,384 bits, has some 12,700 letters.
_LONGEST_KEY = 20_000


def keys_in(text: str) -> Iterator[tuple[int, int]]:
    """Where private keys in PEM stand, as [start, end): to the last line, or as far as what follows may be of one."""
    start = 0
    while begins := _KEY_BEGINS.search(text, start):
        ends = _KEY_ENDS.search(text, begins.end(), begins.end() + _LONGEST_KEY)
        another = _KEY_BEGINS.search(text, begins.end(), ends.start()) if ends else None
        if ends is None or another:
            body = _KEY_BODY.match(text, begins.end(), another.start() if another else len(text))
            start = body.end() if body else begins.end()
        else:
            start = ends.end()
        yield begins.start(), start
