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
