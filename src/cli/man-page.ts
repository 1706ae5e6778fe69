/**
 * `quorate man`: the manual page in roff, made from the very table by which the command line is parsed. The build
 * writes it beside the program, and package.json names it, so that `npm install -g` gives `man quorate`.
 * Source of the form: man-pages(7), groff_man(7).
 */
import type { Command, Option } from "commander";
import { packageVersion } from "../node/home/package-version.ts";
import { leaf } from "./command.ts";
import { EXIT_HELP } from "./exit.ts";

const LINE_END = String.fromCharCode(10);

export function addMan(program: Command): void {
  leaf(
    program,
    "man",
    "print the manual page (read it with: quorate man | man -l -)",
    (command) => command,
    async ({ out }) => {
      const { buildProgram } = await import("./program.ts");
      const page = manPage(await buildProgram([]));
      out.result({ page: page.join(LINE_END) }, page);
    },
  );
}

/** The lines of the page, on which each command with its options is a subsection. */
export function manPage(program: Command): readonly string[] {
  const name = program.name();
  return [
    `.TH ${name.toUpperCase()} 1 "" "${name} ${packageVersion()}" "User Commands"`,
    ".SH NAME",
    `${name} \\- ${escaped(firstSentence(program.description()))}`,
    ".SH SYNOPSIS",
    `.B ${name}`,
    ".I command",
    ".RI [ options ]",
    ".SH DESCRIPTION",
    escaped(program.description()),
    ".SH COMMANDS",
    ...program.commands.flatMap((command) => sections(command, name)),
    ".SH EXIT STATUS",
    ".nf",
    ...EXIT_HELP.trim().split(LINE_END).map(escaped),
    ".fi",
    ".SH ENVIRONMENT",
    "QUORATE_* variables set what config.toml may hold (config show --origin); QUORATE_DIR is the default of --dir.",
    ".SH SEE ALSO",
    "README.md and the folder docs of the package.",
  ];
}

/** A command that has commands of its own gives a section for each of them, and one for itself where it does something. */
function sections(command: Command, parent: string): readonly string[] {
  if (command.name() === "help") return [];
  const path = `${parent} ${command.name()}`;
  const isGroup = command.commands.length > 0 && command.options.length === 0;
  const own = isGroup ? [] : section(command, path);
  return [...own, ...command.commands.flatMap((child) => sections(child, path))];
}

function section(command: Command, path: string): readonly string[] {
  const visible = command.options.filter((option) => !option.hidden);
  return [
    `.SS ${escaped(`${path} ${command.usage()}`)}`,
    escaped(command.description()),
    ...visible.flatMap((option) => [".TP", `.B ${escaped(option.flags)}`, escaped(meaning(option))]),
  ];
}

function meaning({ description, defaultValue, argChoices }: Option): string {
  const choices = argChoices === undefined ? "" : ` (one of ${argChoices.join(", ")})`;
  const isSaid = defaultValue === undefined || defaultValue === false || description.includes("default");
  return `${description}${choices}${isSaid ? "" : ` (default: ${String(defaultValue)})`}`;
}

function firstSentence(text: string): string {
  return text.replace(/\.$/, "");
}

/** A backslash and a hyphen mean themselves, other letters than ASCII have names, and no line begins as a request. */
function escaped(text: string): string {
  const line = text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll(LINE_END, " ")
    .replace(/[^ -~]/gu, (letter) => `\\[u${codePoint(letter)}]`);
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

/** The code point of a letter in at least four hex digits, as groff wants it. */
function codePoint(letter: string): string {
  return (letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}
