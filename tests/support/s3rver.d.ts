/** The part of s3rver that is used. */
export default class S3rver {
  constructor(options: {
    directory: string;
    port: number;
    address: string;
    silent: boolean;
    vhostBuckets: boolean;
    configureBuckets: { name: string }[];
  });
  run(): Promise<unknown>;
}
