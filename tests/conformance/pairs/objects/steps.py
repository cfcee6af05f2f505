from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator


class Volume:
    """A part of a container, as Kubernetes and Docker have them."""

    template_fields = ("path",)

    def __init__(self, name: str, path: str = "", *, options: Any = None) -> None:
        self.name = name
        self.path = path
        self.options = options

    def serialize(self) -> dict[str, Any]:
        options = self.options.serialize() if isinstance(self.options, Options) else self.options
        return {"name": self.name, "path": self.path, "options": options}


class Options:
    def __init__(self, *flags: str, size: int = 1) -> None:
        self.flags = flags
        self.size = size

    def serialize(self) -> dict[str, Any]:
        return {"flags": list(self.flags), "size": self.size}


class ContainerOperator(BaseOperator):
    template_fields = ("volumes", "image")

    def __init__(self, *, image: str, volumes: list[Volume], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.image = image
        self.volumes = volumes

    def execute(self, context: Any) -> list[Any]:
        return [self.image, *(volume.serialize() for volume in self.volumes)]
