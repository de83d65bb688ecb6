"""The table of caption fields in docs/protocol.md, made from the registry.

`python -m tests.caption_fields` prints it.
"""

from pi_stream.captions.fields import FIELDS


def table() -> str:
    """The fields as a table in Markdown."""
    rows = []
    for field in FIELDS.values():
        examples = ", ".join(f"`{each.insert}` → {each.example}" for each in field.inserts)
        rows.append(f"| `{{{field.name}}}` | {field.description} | {examples} |")
    return "\n".join(("| field | what is drawn | example |", "|---|---|---|", *rows))


if __name__ == "__main__":
    print(table())  # noqa: T201 - this is its purpose
