/** The report of what ends a node: whoever wrote and whoever waited for it report the same failure, and the first is told. */
export function onlyOnce(report: (error: unknown) => void): (error: unknown) => void {
  let isReported = false;
  return (error) => {
    if (!isReported) report(error);
    isReported = true;
  };
}
