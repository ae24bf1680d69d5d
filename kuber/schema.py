"""The JSON schema of stack files, made from the settings' classes."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from config.documentation import field_documentation
from config.model import Settings
from config.stack_file import CONFIG_KEY, PLATFORMS, TOP_LEVEL_KEYS, settings_class

STACK_FILE_SCHEMA = "schema/stack-file.schema.json"


def stack_file_schema() -> str:
    """The schema as JSON text, the same bytes each time."""
    classes = [settings_class(platform) for platform in PLATFORMS]
    references, definitions = models_json_schema([(one, "validation") for one in classes])
    for model in _models_below(Settings):
        _document(definitions["$defs"].get(model.__name__, {}), model)
    clusters = [references[one, "validation"] for one in classes]
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack file of kuber",
        "description": "One file is one cluster: Pulumi.<stack>.yaml.",
        "type": "object",
        "required": ["config"],
        "additionalProperties": False,
        "properties": {
            **{key: {} for key in TOP_LEVEL_KEYS},
            "config": {
                "type": "object",
                "required": [CONFIG_KEY],
                "properties": {CONFIG_KEY: _chosen_by_platform(clusters)},
                "patternProperties": {"^pulumi:": {}},
                "additionalProperties": False,
            },
        },
        "$defs": definitions["$defs"],
    }
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _chosen_by_platform(clusters: list[dict[str, Any]]) -> dict[str, Any]:
    """By `platform`, so that an editor speaks of the platform that is meant and not of all three."""
    return {
        "type": "object",
        "required": ["platform"],
        "properties": {"platform": {"enum": list(PLATFORMS)}},
        "allOf": [
            {
                "if": {"properties": {"platform": {"const": platform}}, "required": ["platform"]},
                "then": cluster,
            }
            for platform, cluster in zip(PLATFORMS, clusters, strict=True)
        ],
    }


def _models_below(model: type[BaseModel]) -> list[type[BaseModel]]:
    children = model.__subclasses__()
    return [*children, *(deeper for child in children for deeper in _models_below(child))]


def _document(definition: dict[str, Any], model: type[BaseModel]) -> None:
    for field, text in field_documentation(model).items():
        if field in definition.get("properties", {}):
            definition["properties"][field]["description"] = text
