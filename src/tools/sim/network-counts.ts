/** What became of messages: for the cost tables, and to see that each fault did happen. */
export interface NetworkCounts {
  mails: number;
  mailBytes: number;
  rumors: number;
  requests: number;
  lost: number;
  cut: number;
  held: number;
  doubled: number;
  late: number;
  delivered: number;
}

export function newNetworkCounts(): NetworkCounts {
  return {
    mails: 0,
    mailBytes: 0,
    rumors: 0,
    requests: 0,
    lost: 0,
    cut: 0,
    held: 0,
    doubled: 0,
    late: 0,
    delivered: 0,
  };
}
