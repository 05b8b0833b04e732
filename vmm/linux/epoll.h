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

struct file;

struct watch {
	struct file *epoll, *file; /* no references: epoll_forget() */
	unsigned nr;		   /* the payload's for file, when it was registered */
	int fd;			   /* what the host knows it by: file's, or... */
	bool own;		   /* ... a duplicate, where another number came first */
	struct watch *next;	   /* in epoll->watches */
	struct watch *next_of;	   /* in file->watched */
};

/* A file is about to be closed: it is no longer watched, and watches nothing. */
void epoll_forget(struct file *file);

#endif
