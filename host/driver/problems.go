package driver

import "errors"

// problemList gathers problems, each once.
type problemList []error

func (l *problemList) add(err error) {
	if err == nil {
		return
	}
	for _, have := range *l {
		if have.Error() == err.Error() {
			return
		}
	}
	*l = append(*l, err)
}

func (l problemList) err() error { return errors.Join(l...) }
