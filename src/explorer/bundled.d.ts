/** What the bundler takes in beside modules: style sheets, imported for their effect. */
declare module "*.css";
/** The address of the lab page's script, which the bundler knows. */
declare const LAB_SCRIPT: string;
