// A part of esbuild's work that leaves out what zod says in fifty languages besides English: nobody here asks for them, and
// they were a twelfth of all the source that a node reads at its start.
export const withoutLocales = {
  name: "zod's locales",
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]zod[/\\]v4[/\\]locales[/\\]/ }, ({ path }) =>
      /[/\\](index|en)\.js$/.test(path) ? undefined : { contents: "export default undefined;" },
    );
  },
};
