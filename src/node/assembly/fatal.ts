/** Whoever wrote and whoever waited for it report the same failure. */
export function onlyOnce(report: (error: unknown) => void): (error: unknown) => void {
  let isReported = false;
  return (error) => {
    if (!isReported) report(error);
    isReported = true;
  };
}
