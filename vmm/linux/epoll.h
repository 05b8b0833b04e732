/* SPDX-License-Identifier: MIT */
/*
 * epoll.h: files that watch others: fs/eventpoll.c. Each is an epoll of the host's, which does the
 * waiting.
 *
 * Linux knows what is registered by open file and number, and lets it go with the open file. To the host
 * all of the payload's numbers for an open file are one, and files of the embedder's outlive the payload's.
 * So what is registered is kept here as well.
 */
#ifndef LINUX_EPOLL_H
#define LINUX_EPOLL_H

#include <stdbool.h>
#include <sys/queue.h>

struct file;

/*
 * What is registered in all of a process's epolls together. By a few numbers it may be much: memory of
 * the host's, and files.
 */
struct watches {
	unsigned nr;
	unsigned own;	/* of them, have a duplicate */
	unsigned files; /* that the process may have open: it bounds these two */
};

struct watch {
	struct file *epoll, *file; /* no references: epoll_forget() */
	struct watches *all;	   /* it is counted there */
	unsigned nr;		   /* the payload's for file, when it was registered */
	int fd;			   /* what the host knows it by: file's, or... */
	bool own;		   /* ... a duplicate, where another number came first */
	LIST_ENTRY(watch) link;	   /* in epoll->watches */
	LIST_ENTRY(watch) link_of; /* in file->watched */
};
LIST_HEAD(watch_list, watch);

/* A file is about to be closed: it is no longer watched, and watches nothing. */
void epoll_forget(struct file *file);

#endif
