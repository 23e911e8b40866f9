// What is said of workflows and of jobs that could be run again, apart from the rest so that the first page stays small.
export const texts = {
  failed: (name: string) => `Why ${name} failed`,
  drawing: 'Jobs and what they need',
  reused: (done: number, all: number) =>
    `Started again unchanged, ${all === 1 ? 'it' : `${done} of ${all} jobs`} would be given the results that are there, without computing, unless the setting reuse_results is off.`,
};
