/**
 * `quorate completion bash|zsh|fish`: a script that completes commands, options and their values, made from the very
 * table by which the command line is parsed. It holds everything, so that no process starts at a press of TAB.
 */
import { type Command, Option } from "commander";
import { leaf } from "./command.ts";
import { badInput } from "./exit.ts";

/** What may stand behind an option or as an argument. */
type Value = "none" | "any" | "path" | readonly string[];

interface CompletedOption {
  /** Its names as they are typed: "--rpc", "-n". */
  readonly names: readonly string[];
  readonly description: string;
  readonly value: Value;
}

export interface CompletedCommand {
  /** Its words, each behind a space: "" for the program, " devnet kill". */
  readonly path: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  readonly takesPaths: boolean;
}

const SHELLS = ["bash", "zsh", "fish"] as const;

const HELP = `
Now, and in every new shell:
  bash  eval "$(quorate completion bash)"            in ~/.bashrc
  zsh   eval "$(quorate completion zsh)"             in ~/.zshrc, after compinit
  fish  quorate completion fish > ~/.config/fish/completions/quorate.fish`;

export function addCompletion(program: Command): void {
  leaf(
    program,
    "completion <shell>",
    "print a script that completes this command line in bash, zsh or fish",
    (command) => command.addHelpText("after", HELP),
    async ({ out, args: [shell] }) => {
      const make = SCRIPTS[shell as (typeof SHELLS)[number]];
      if (make === undefined) throw badInput(`expected one of ${SHELLS.join(", ")}, found "${shell}"`);
      const { buildProgram } = await import("./program.ts");
      const script = make(completedCommands(await buildProgram([])));
      out.result({ shell, script: script.join(LINE_END) }, script);
    },
  );
}

const LINE_END = String.fromCharCode(10);

/** The program's commands and options as a shell needs them; what is hidden stays so. */
export function completedCommands(command: Command, path = ""): readonly CompletedCommand[] {
  const help = new Option("-h, --help", "display help for command");
  const own: CompletedCommand = {
    path,
    description: command.description(),
    options: [...command.options.filter((option) => !option.hidden), help].map(completedOption),
    takesPaths: command.registeredArguments.some((argument) => PATHS.test(argument.name())),
  };
  const sub = command.commands.flatMap((each) => completedCommands(each, `${path} ${each.name()}`));
  return [own, ...sub];
}

const PATHS = /^(dir|folder|files?|path)$/;

function completedOption(option: Option): CompletedOption {
  const name = /[<[]([a-z-]+)/.exec(option.flags)?.[1] ?? "";
  const value =
    option.argChoices ?? (PATHS.test(name) ? "path" : option.required || option.optional ? "any" : "none");
  const names = [option.long, option.short].filter((each) => each !== undefined);
  return {
    names,
    description: option.description,
    value: option.optional && value === "any" ? "none" : value,
  };
}

function inGroup(commands: readonly CompletedCommand[], path: string): readonly CompletedCommand[] {
  const inside = new RegExp(`^${path} [^ ]+$`);
  return commands.filter((command) => inside.test(command.path));
}

const lastWord = ({ path }: CompletedCommand) => path.slice(path.lastIndexOf(" ") + 1);

// --- bash and zsh ------------------------------------------------------------------------------------------

function bashScript(commands: readonly CompletedCommand[]): readonly string[] {
  const paths = commands.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  return [
    "# Completes quorate. Made by: quorate completion bash",
    "_quorate() {",
    `  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path="" i`,
    "  COMPREPLY=()",
    "  for ((i = 1; i < COMP_CWORD; i++)); do",
    `    case "$path \${COMP_WORDS[i]}" in`,
    `      ${paths.join("|")}) path="$path \${COMP_WORDS[i]}" ;;`,
    "    esac",
    "  done",
    '  case "$path $prev" in',
    ...commands.flatMap(bashValues),
    "  esac",
    '  local words="" paths=""',
    '  case "$path" in',
    ...commands.map((command) => bashWords(command, inGroup(commands, command.path))),
    "  esac",
    '  if [[ "$cur" == -* || -z "$paths" ]]; then',
    '    COMPREPLY=($(compgen -W "$words" -- "$cur"))',
    "  else",
    "    _quorate_paths",
    "  fi",
    "}",
    "_quorate_paths() {",
    "  compopt -o filenames 2>/dev/null",
    "  local IFS=$'\\n'",
    '  COMPREPLY=($(compgen -f -- "$cur"))',
    "}",
    "complete -F _quorate quorate",
  ];
}

/** What stands behind an option that has a value. */
function bashValues({ path, options }: CompletedCommand): readonly string[] {
  return options.flatMap(({ names, value }) => {
    if (value === "none") return [];
    const pattern = names.map((name) => `"${path} ${name}"`).join("|");
    if (value === "path") return [`    ${pattern}) _quorate_paths; return ;;`];
    if (value === "any") return [`    ${pattern}) return ;;`];
    return [`    ${pattern}) COMPREPLY=($(compgen -W "${value.join(" ")}" -- "$cur")); return ;;`];
  });
}

/** Subcommands, or options where there are none; options once a dash is typed. */
function bashWords(command: CompletedCommand, inside: readonly CompletedCommand[]): string {
  const options = command.options.flatMap(({ names }) => names).join(" ");
  const words = inside.map(lastWord).join(" ");
  const paths = command.takesPaths ? " paths=1" : "";
  const chosen = words === "" ? `"${options}"` : `"${words}"; [[ "$cur" == -* ]] && words="${options}"`;
  return `    "${command.path}") words=${chosen};${paths} ;;`;
}

function zshScript(commands: readonly CompletedCommand[]): readonly string[] {
  return ["autoload -Uz bashcompinit && bashcompinit", ...bashScript(commands)];
}

// --- fish --------------------------------------------------------------------------------------------------

function fishScript(commands: readonly CompletedCommand[]): readonly string[] {
  const paths = commands.filter(({ path }) => path !== "").map(({ path }) => quoted(path));
  return [
    "# Completes quorate. Made by: quorate completion fish",
    "function __quorate_path",
    "  set -l path ''",
    "  for word in (commandline -opc)[2..-1]",
    '    switch "$path $word"',
    `      case ${paths.join(" ")}`,
    '        set path "$path $word"',
    "    end",
    "  end",
    '  echo "$path"',
    "end",
    "function __quorate_at",
    '  test "$argv[1]" = (__quorate_path)',
    "end",
    "complete -c quorate -f",
    ...commands.flatMap((command) => fishCommand(command, inGroup(commands, command.path))),
  ];
}

function fishCommand(command: CompletedCommand, inside: readonly CompletedCommand[]): readonly string[] {
  const begin = `complete -c quorate -n ${quoted(`__quorate_at ${quoted(command.path)}`)}`;
  return [
    ...inside.map((each) => `${begin} -a ${lastWord(each)} -d ${quoted(each.description)}`),
    ...(command.takesPaths ? [`${begin} -F`] : []),
    ...command.options.map(({ names, description, value }) => {
      const flags = names.map((name) =>
        name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
      );
      return `${begin} ${flags.join(" ")}${fishValue(value)} -d ${quoted(description)}`;
    }),
  ];
}

function fishValue(value: Value): string {
  if (value === "none") return "";
  if (value === "path") return " -r -F";
  return value === "any" ? " -x" : ` -x -a ${quoted(value.join(" "))}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

const SCRIPTS: Readonly<
  Record<(typeof SHELLS)[number], (commands: readonly CompletedCommand[]) => readonly string[]>
> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};
