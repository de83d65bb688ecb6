"""completion.py: print the bash completion of pi-stream, generated from its commands and options.

Run it in the project's folder, with that folder in PYTHONPATH.
"""

from pathlib import Path

from command_line import Argument, commands, settings

_FILE = "FILE"  # the metavar of arguments that are files
_ASSIGNMENT = "SECTION.KEY=VALUE"  # the metavar of arguments that are settings

_FUNCTION = """\
# bash completion for pi-stream
_pi_stream() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} command= words= each
    for each in "${{COMP_WORDS[@]:1:COMP_CWORD - 1}}"; do
        [[ $each != -* ]] || continue
        command+=${{command:+ }}$each
        case $command in
            {two_words}) ;;
            *) break ;;
        esac
    done
    case $command:$before in
        *:=) ;;
{after}
        *)
            case $command in
{within}
            esac
            ;;
    esac
    if [[ $words == : ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    else
        [[ $words == *= ]] && compopt -o nospace
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    fi
}}
complete -F _pi_stream pi-stream"""


def main() -> None:
    """Print the script."""
    after, within, two_words = [], [], []
    for command in commands():
        options = [name for argument in command.arguments for name in argument.names]
        for argument in command.arguments:
            if argument.names and argument.value:
                places = " | ".join(f'"{command.name}":{name}' for name in argument.names)
                after.append(f'        {places}) words="{_values(argument)}" ;;')
        if any(argument.value == _FILE and not argument.names for argument in command.arguments):
            after.append(f'        "{command.name}":{command.name.split()[-1]}) words=":" ;;')
        within.append(f'                "{command.name}") words="{" ".join([*options, *command.actions])}" ;;')
        two_words += [f'"{command.name}"'] if command.name and command.actions else []
    print(_FUNCTION.format(after="\n".join(after), within="\n".join(within), two_words=" | ".join(two_words)))


def _values(argument: Argument) -> str:
    """The words that may follow an option; ":" stands for file names."""
    if argument.value == _FILE:
        return ":"
    if argument.value == _ASSIGNMENT:
        return " ".join(f"{each.section}.{each.key}=" for each in settings(Path("config.toml")))
    return " ".join(argument.choices)


main()
