"""Every kind of problem, listed for whoever writes a client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from inference.answer import PROBLEM_TYPE
from inference.service.problems import KINDS, Kind

OF_REQUESTS: Final[Mapping[str, str]] = {
    "malformed-request": "不是 HTTP 请求",
    "malformed-json": "请求体不是所要求的 JSON",
    "malformed-compression": "压缩的请求体无法解开",
    "malformed-multipart": "multipart 请求体损坏",
    "key-required": "需要 API 密钥",
    "invalid-key": "API 密钥无效",
    "missing-scope": "该密钥无权访问此地址",
    "cross-site": "请求来自其他网站的页面",
    "not-found": "该地址不存在",
    "unknown-service": "没有该 Open311 服务",
    "unknown-model": "没有该模型或该版本",
    "unknown-request": "没有该请求的记录",
    "photo-not-kept": "照片未留存",
    "feedback-off": "服务未启用记录与反馈",
    "method-not-allowed": "该地址不支持此方法",
    "body-timeout": "上传中断过久",
    "header-timeout": "请求未按时到达",
    "ambiguous-external-id": "多个请求属于同一案件",
    "ambiguous-request-id": "多个请求使用了同一编号",
    "ambiguous-model": "多个模型使用同一版本号",
    "feedback-id-reused": "该反馈编号已用于其他内容",
    "no-previous-model": "没有可回退的模型",
    "body-too-large": "请求体过大",
    "unsupported-media-type": "不支持的请求体类型",
    "unsupported-encoding": "不支持的压缩方式",
    "unknown-host": "服务不以该主机名提供",
    "invalid-field": "字段有误（`errors` 逐一列出）",
    "invalid-label-config": "无法服务该标注界面",
    "invalid-tensor": "张量与模型不符",
    "model-refused": "该模型不可使用",
    "no-photos": "请求中没有照片",
    "no-readable-photo": "所有照片都读不出（`photos` 逐一说明）",
    "too-many-photos": "照片过多",
    "unreachable-photo": "取不到照片",
    "unknown-scheme": "没有该编码方案",
    "overloaded": "服务繁忙，稍后重试（见 `Retry-After`）",
    "rate-limited": "请求过于频繁，稍后重试（见 `Retry-After`）",
    "headers-too-large": "请求头过大",
    "internal-error": "服务内部错误，请附请求编号反馈",
    "not-ready": "服务尚未就绪，稍后重试",
    "deadline-exceeded": "未能在时限内完成，稍后重试",
    "too-many-connections": "连接过多，稍后重试",
    "database-unavailable": "反馈数据库没有响应",
    "photo-store-unavailable": "留存的照片暂时无法读取",
}
"""What the kinds are, in Chinese; their titles say it in English."""
OF_PHOTOS: Final[Mapping[str, str]] = {
    "empty": "空文件 The file is empty",
    "not-an-image": "不是图片 The file is not a picture",
    "unsupported-format": "不支持的图片格式 The format is not supported",
    "too-many-bytes": "文件过大 The file is too large",
    "too-many-pixels": "像素过多 The picture has too many pixels",
    "too-small": "图片过小 The picture is too small",
    "truncated": "文件不完整 The file is cut off",
    "corrupt": "文件损坏 The file is damaged",
    "unreadable": "文件无法读取 The file cannot be read",
    "internal-error": "服务内部错误 The program failed on this photo",
    "bad-base64": "base64 无效 The content is not base64",
    "url-not-allowed": "不允许从该网址抓取 The photo must not be fetched from there",
    "not-fetched": "照片抓取失败 The photo could not be fetched",
    "unreachable-photo": "取不到照片 The photo cannot be had",
}
_HEAD: Final = "| `type` 末段 its last part | HTTP | 含义 meaning |\n|---|---|---|\n"
_HEAD_OF_PHOTOS: Final = "| `type` 末段 its last part | 含义 meaning |\n|---|---|\n"


def listed() -> Iterable[Kind]:
    """The kinds of requests' problems, by status; those of plain HTTP errors say what they are by their number."""
    named = (kind for kind in KINDS.values() if not kind.slug.startswith("http-"))
    return sorted(named, key=lambda kind: (kind.status, kind.slug))


def problem_list() -> str:
    """All types of problems, as Markdown for the API's description."""
    rows = "\n".join(
        f"| `{kind.slug}` | {kind.status} | {OF_REQUESTS.get(kind.slug, '')} {kind.title} |" for kind in listed()
    )
    photos = "\n".join(f"| `{code}` | {text} |" for code, text in OF_PHOTOS.items())
    return (
        f"<details><summary>错误类型 Types of errors: <code>{PROBLEM_TYPE}…</code></summary>\n\n{_HEAD}{rows}\n\n"
        f"单张照片的 `error` Of single photos:\n\n{_HEAD_OF_PHOTOS}{photos}\n\n</details>\n"
    )
