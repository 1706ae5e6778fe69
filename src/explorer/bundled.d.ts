/** What the bundler takes in beside modules: style sheets, imported for their effect. */
declare module "*.css";
